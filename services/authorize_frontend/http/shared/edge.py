"""What the handlers of all areas share: backends, cookies, pages, and the checks of forms."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from aiohttp import web

from latchkey.authentication.v1.sessions_pb2 import GetSessionRequest, GetSessionResponse, RequestContext
from latchkey.token.v1.authorization_pb2 import GetInteractionRequest, GetInteractionResponse
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock, SystemClock
from libs.servicekit.http.addresses import comes_from, remote_address
from services.authorize_frontend.backends import Backends
from services.authorize_frontend.capabilities import Capabilities
from services.authorize_frontend.http.shared import csrf
from services.authorize_frontend.http.shared.browsers import device_of
from services.authorize_frontend.http.shared.cookies import Cookies
from services.authorize_frontend.http.shared.page_context import apply_ui_locales
from services.authorize_frontend.http.shared.pages import Pages
from services.authorize_frontend.http.shared.parameters import Parameters, is_opaque, of_form, of_query, single_value
from services.authorize_frontend.site import Site

RETRY: web.RequestKey[str] = web.RequestKey("retry", str)
"""A link that repeats the step, for the error page."""


@dataclass(frozen=True)
class Edge:
    site: Site
    backends: Backends
    cookies: Cookies
    pages: Pages
    capabilities: Capabilities
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    clock: Clock = field(default_factory=SystemClock)

    async def session(self, request: web.Request) -> GetSessionResponse:
        """Returns the browser's live session, empty if it has none. Without a session cookie there is no call."""
        secret = self.cookies.session(request)
        if secret is None:
            return GetSessionResponse()
        return await self.backends.sessions.GetSession(GetSessionRequest(session_secret=secret))

    async def interaction(self, pending: "PendingRequest") -> GetInteractionResponse:
        """Returns what a page shows of a pending request, and applies its ui_locales to the page.

        Raises:
            InvalidRequest: REQUEST_UNKNOWN.
        """
        interaction = await self.backends.authorization.GetInteraction(
            GetInteractionRequest(request_id=pending.request_id, browser_secret=pending.browser_secret)
        )
        apply_ui_locales(list(interaction.ui_locales), request_id=pending.request_id)
        return interaction

    def pending(self, request: web.Request, parameters: Parameters | None = None) -> "PendingRequest":
        """Returns the pending request that a page is about; `parameters` default to the query.

        Raises:
            InvalidRequest: REQUEST_UNKNOWN: there is no usable `request` parameter, or no binding cookie.
        """
        request_id = single_value(of_query(request) if parameters is None else parameters, "request")
        browser_secret = self.cookies.browser(request)
        if not is_opaque(request_id) or browser_secret is None:
            raise InvalidRequest(
                "The authorization request is unknown, has expired, or belongs to another browser.",
                reason=Reason.REQUEST_UNKNOWN,
                redirectable=False,
            )
        return PendingRequest(request_id, browser_secret)

    def form_token(self, request: web.Request, *, purpose: str, subject: str, browser_secret: str) -> str:
        """Returns the CSRF token of a form that this browser receives now, or of one that it posts now."""
        session_secret = self.cookies.session(request)
        return csrf.token(browser_secret, purpose=purpose, subject=subject, session_secret=session_secret)

    def form_page(
        self,
        request: web.Request,
        name: str,
        *,
        purpose: str,
        subject: str = "",
        browser_secret: str = "",
        hidden: dict[str, str] | None = None,
        targets: tuple[str, ...] = (),
        **values: Any,
    ) -> web.Response:
        """Renders a page with a form, and sets the binding cookie that keys its CSRF token.

        Args:
            purpose: see csrf.token.
            subject: see csrf.token.
            browser_secret: of the binding cookie, if the caller has read it.
            hidden: fields that the form carries beside its CSRF token.
            targets: CSP sources to which the form may redirect, beside this server.
            values: for the template.
        """
        secret = browser_secret or self.cookies.browser_or_new(request)
        token = self.form_token(request, purpose=purpose, subject=subject, browser_secret=secret)
        response = self.pages.page(
            name, form_action=("'self'", *targets), csrf=token, hidden={**(hidden or {}), "csrf": token}, **values
        )
        self.cookies.keep_browser(request, response, secret)
        return response

    async def posted_form(self, request: web.Request, *, purpose: str) -> "tuple[Parameters, PendingRequest]":
        """Returns a form about a pending request, after its CSRF token was verified.

        Raises:
            AccessDenied: see verify_form.
            InvalidRequest: see pending.
            HTTPException: see parameters.of_form.
        """
        parameters = await of_form(request)
        pending = self.pending(request, parameters)
        request[RETRY] = self.site.path("/authorize/resume", request=pending.request_id)
        self.verify_form(request, parameters, purpose=purpose, subject=pending.request_id)
        return parameters, pending

    def verify_form(self, request: web.Request, form: Parameters, *, purpose: str, subject: str) -> None:
        """Raises AccessDenied unless this server sent the form to this browser for this purpose and subject."""
        browser_secret = self.cookies.browser(request)
        if browser_secret is None:
            raise csrf.refused()
        csrf.check_origin(request, origin=self.site.origin)
        expected = self.form_token(request, purpose=purpose, subject=subject, browser_secret=browser_secret)
        csrf.check(single_value(form, "csrf"), expected)

    def context(self, request: web.Request, interaction: GetInteractionResponse | None = None) -> RequestContext:
        """Returns where a request came from, for the events of other services."""
        return RequestContext(
            remote_address=remote_address(request, self.trusted_proxies),
            client_id=interaction.client_id if interaction else "",
            correlation_id=interaction.correlation_id if interaction else "",
            device=device_of(request.headers.get("User-Agent", "")),
        )

    def comes_from_proxy(self, request: web.Request) -> bool:
        """Returns whether a trusted proxy forwarded the request."""
        return comes_from(request, self.trusted_proxies)


@dataclass(frozen=True)
class PendingRequest:
    """A stored authorization request as the browser names it; the token service verifies it."""

    request_id: str
    browser_secret: str


def see_other(location: str) -> web.Response:
    """303: the browser follows with GET and does not send the form again (RFC 9700 4.12).

    The Location header is set as it is: a URL class would re-quote the registered redirect URI.
    """
    return web.Response(status=303, headers={"Location": location})

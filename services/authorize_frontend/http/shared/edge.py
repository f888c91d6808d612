"""What the handlers of all areas share."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from aiohttp import web

from latchkey.authentication.v1.sessions_pb2 import GetSessionRequest, GetSessionResponse, RequestContext
from latchkey.token.v1.authorization_pb2 import GetInteractionRequest, GetInteractionResponse
from libs.oauth.errors import AccessDenied, InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock, SystemClock
from libs.servicekit.http.addresses import comes_from, remote_address
from services.authorize_frontend.backends import Backends
from services.authorize_frontend.capabilities import Offers
from services.authorize_frontend.http.shared import csrf
from services.authorize_frontend.http.shared.browsers import device_of
from services.authorize_frontend.http.shared.cookies import Cookies
from services.authorize_frontend.http.shared.pages import Pages
from services.authorize_frontend.http.shared.parameters import Parameters, is_opaque, of_form, of_query, only
from services.authorize_frontend.http.shared.visit import heed
from services.authorize_frontend.site import Site

RETRY: web.RequestKey[str] = web.RequestKey("retry", str)
"""A link that repeats the step, for the page that says that it did not work."""


@dataclass(frozen=True)
class Edge:
    site: Site
    backends: Backends
    cookies: Cookies
    pages: Pages
    offers: Offers
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    clock: Clock = field(default_factory=SystemClock)

    async def session(self, request: web.Request) -> GetSessionResponse:
        """The browser's live session, empty when it has none. A browser without the cookie costs no call."""
        secret = self.cookies.session(request)
        if secret is None:
            return GetSessionResponse()
        return await self.backends.sessions.GetSession(GetSessionRequest(session_secret=secret))

    async def interaction(self, pending: "PendingRequest") -> GetInteractionResponse:
        """What a page has to say about a pending request, in the language that it asks for.

        Raises:
            InvalidRequest: REQUEST_UNKNOWN.
        """
        interaction = await self.backends.authorization.GetInteraction(
            GetInteractionRequest(request_id=pending.request_id, browser_secret=pending.browser_secret)
        )
        heed(list(interaction.ui_locales), request_id=pending.request_id)
        return interaction

    def pending(self, request: web.Request, parameters: Parameters | None = None) -> "PendingRequest":
        """The pending request that a page is about; `parameters` default to the query.

        Raises:
            InvalidRequest: it names none, or the browser has no binding cookie. The words are those of an unknown
                request, since nothing else is known here.
        """
        request_id = only(of_query(request) if parameters is None else parameters, "request")
        browser_secret = self.cookies.browser(request)
        if not is_opaque(request_id) or browser_secret is None:
            raise InvalidRequest(
                "The request is unknown in this browser.", reason=Reason.REQUEST_UNKNOWN, redirectable=False
            )
        return PendingRequest(request_id, browser_secret)

    def form_token(self, request: web.Request, *, purpose: str, subject: str, browser_secret: str) -> str:
        """The CSRF token of a form that this browser gets now, or of one that it posts now."""
        session_secret = self.cookies.session(request)
        return csrf.token(browser_secret, purpose=purpose, subject=subject, session_secret=session_secret)

    async def posted(self, request: web.Request, *, purpose: str) -> "tuple[Parameters, PendingRequest]":
        """A form of ours about a pending request, proven to come from our page in this browser.

        Raises:
            AccessDenied: the proof fails.
            InvalidRequest: see pending.
            HTTPException: see parameters.of_form.
        """
        parameters = await of_form(request)
        pending = self.pending(request, parameters)
        request[RETRY] = self.site.path("/authorize/resume", request=pending.request_id)
        self.prove(request, parameters, purpose=purpose, subject=pending.request_id)
        return parameters, pending

    def prove(self, request: web.Request, form: Parameters, *, purpose: str, subject: str) -> None:
        """Raises: AccessDenied unless our page in this browser gave this form, and gave it for this subject."""
        browser_secret = self.cookies.browser(request)
        if browser_secret is None:
            raise AccessDenied("The page is out of date.", reason=Reason.CSRF_TOKEN, redirectable=False)
        csrf.check_origin(request, origin=self.site.origin)
        expected = self.form_token(request, purpose=purpose, subject=subject, browser_secret=browser_secret)
        csrf.check(only(form, "csrf"), expected)

    def context(self, request: web.Request, interaction: GetInteractionResponse | None = None) -> RequestContext:
        """Where a request came from, for the events of other services."""
        return RequestContext(
            remote_address=remote_address(request, self.trusted_proxies),
            client_id=interaction.client_id if interaction else "",
            correlation_id=interaction.correlation_id if interaction else "",
            device=device_of(request.headers.get("User-Agent", "")),
        )

    def comes_from_proxy(self, request: web.Request) -> bool:
        """Did one of our own proxies hand the request on?"""
        return comes_from(request, self.trusted_proxies)


@dataclass(frozen=True)
class PendingRequest:
    """A stored authorization request as the browser names it: unverified until the token service agrees."""

    request_id: str
    browser_secret: str


def see_other(location: str) -> web.Response:
    """303: the browser comes back with GET and never carries a password on (RFC 9700 4.12).

    The Location is sent as it is: a URL class would re-quote what the client registered.
    """
    return web.Response(status=303, headers={"Location": location})

"""Turns a decision of the token service into HTTP: a redirect or form post to the client, or the next page."""

import secrets
from urllib.parse import quote, urlencode, urlsplit

from aiohttp import web

from latchkey.token.v1.authorization_pb2 import (
    DECISION_DENY,
    INTERACTION_KIND_CONSENT,
    INTERACTION_KIND_RESUME,
    INTERACTION_KIND_SIGN_IN,
    INTERACTION_KIND_STEP_UP,
    RESPONSE_MODE_FORM_POST,
    RESPONSE_MODE_FRAGMENT,
    RESPONSE_MODE_QUERY,
    AuthorizationResponse,
    AuthorizeResponse,
    DecideAuthorizationRequest,
)
from libs.oauth.errors import ServerError
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared.edge import Edge, PendingRequest, see_other
from services.authorize_frontend.http.shared.policy import exact_source, leaves_by_page
from services.authorize_frontend.http.shared.session_state import browser_state, session_state

_PAGES = {
    INTERACTION_KIND_SIGN_IN: "/sign-in",
    INTERACTION_KIND_STEP_UP: "/step-up",
    INTERACTION_KIND_CONSENT: "/consent",
    INTERACTION_KIND_RESUME: "/authorize/resume",
}
_SCRIPTS = {"javascript", "data", "vbscript", "blob", "filesystem", "about"}


def respond(
    edge: Edge, request: web.Request, decision: AuthorizeResponse, *, after_form: bool, ended: bool = False
) -> web.Response:
    """Returns the response for the browser.

    Args:
        edge: of this service.
        request: of the browser.
        decision: of the token service.
        after_form: whether a form of this server led to this request.
        ended: whether the browser has the cookie of a session that has ended.

    Raises:
        ServerError: the kind of interaction is unknown, or the redirect URI is unsafe.
    """
    if decision.HasField("interaction"):
        page = _PAGES.get(decision.interaction.kind)
        if page is None:
            raise ServerError(reason=Reason.INTERACTION_KIND_UNKNOWN, redirectable=False)
        return see_other(edge.site.path(page, request=decision.interaction.request_id))
    response = decision.response
    _add_session_state(response, None if ended else edge.cookies.session(request))
    if response.mode == RESPONSE_MODE_FORM_POST:
        sent = _form_post(edge, response)
    elif after_form:
        sent = leave(edge, request, location(response))
    else:
        sent = see_client(location(response))
    if ended:
        edge.cookies.delete_state(sent)  # otherwise the session check frame would report the old state
    return sent


def _add_session_state(response: AuthorizationResponse, session_secret: str | None) -> None:
    """Adds session_state (OpenID Connect Session Management 1.0, 2): only this edge has the browser's cookies."""
    if response.session_state_client_id:
        value = session_state(
            response.session_state_client_id, redirect_uri=response.redirect_uri, state=browser_state(session_secret)
        )
        response.parameters.add(name="session_state", value=value)


async def deny(edge: Edge, request: web.Request, pending: PendingRequest) -> web.Response:
    """Ends a pending request with access_denied. Raises: OAuthError."""
    message = DecideAuthorizationRequest(
        request_id=pending.request_id, browser_secret=pending.browser_secret, decision=DECISION_DENY
    )
    return respond(edge, request, await edge.backends.authorization.DecideAuthorization(message), after_form=True)


def leave(edge: Edge, request: web.Request, uri: str) -> web.Response:
    """Sends the browser to a URI of a client after a form of this server (see policy.form_targets).

    Raises:
        ServerError: the URI is unsafe.
    """
    if leaves_by_page(request, uri):
        return edge.pages.page("continue", url=require_safe(uri))
    return see_client(uri)


def see_client(uri: str) -> web.Response:
    """Returns a 303 response to a URI of a client. Raises: ServerError: the URI is unsafe."""
    return see_other(require_safe(uri))


def require_safe(uri: str) -> str:
    """Returns the URI of a client. Raises: ServerError: the URI is unsafe."""
    _refuse_script(uri)
    return uri


def location(response: AuthorizationResponse) -> str:
    """Returns the redirect URI with the parameters added to its query or fragment. The URI itself is not changed.

    Spaces are encoded as %20, which form decoders and plain percent-decoders both understand.

    Raises:
        ServerError: the response mode is unknown.
    """
    pairs = [(parameter.name, parameter.value) for parameter in response.parameters]
    encoded = urlencode(pairs, quote_via=quote, safe="")
    uri = response.redirect_uri
    if response.mode == RESPONSE_MODE_FRAGMENT:
        return f"{uri}#{encoded}"
    if response.mode != RESPONSE_MODE_QUERY:
        raise ServerError(reason=Reason.RESPONSE_MODE_UNKNOWN, redirectable=False)
    if "?" not in uri:
        return f"{uri}?{encoded}"
    return f"{uri}{encoded}" if uri.endswith(("?", "&")) else f"{uri}&{encoded}"


def _form_post(edge: Edge, response: AuthorizationResponse) -> web.Response:
    """OAuth 2.0 Form Post Response Mode 2: a form that submits itself, with a button for browsers without scripts."""
    _refuse_script(response.redirect_uri)
    if urlsplit(response.redirect_uri).scheme not in {"http", "https"}:
        raise ServerError(reason=Reason.FORM_POST_TO_NO_WEB_PAGE, redirectable=False)
    return edge.pages.page(
        "form_post",
        form_action=exact_source(response.redirect_uri),
        script_nonce=secrets.token_urlsafe(16),
        action=response.redirect_uri,
        parameters=[(parameter.name, parameter.value) for parameter in response.parameters],
    )


def _refuse_script(uri: str) -> None:
    """Refuses URIs that a browser would run as a script. Registration refuses them as well."""
    scheme = urlsplit(uri).scheme.lower()
    if not scheme or scheme in _SCRIPTS or not uri.isprintable() or not uri.isascii() or " " in uri:
        raise ServerError(reason=Reason.REDIRECT_URI_UNSAFE, redirectable=False)

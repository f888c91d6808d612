"""What the token service decided, in HTTP: a redirect to the client, a form post to it, or our next page."""

import secrets
from urllib.parse import quote, urlencode, urlsplit

from aiohttp import web

from latchkey.token.v1.authorization_pb2 import (
    INTERACTION_KIND_CONSENT,
    INTERACTION_KIND_RESUME,
    INTERACTION_KIND_SIGN_IN,
    INTERACTION_KIND_STEP_UP,
    RESPONSE_MODE_FORM_POST,
    RESPONSE_MODE_FRAGMENT,
    RESPONSE_MODE_QUERY,
    AuthorizationResponse,
    AuthorizeResponse,
)
from libs.oauth.errors import ServerError
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared.edge import Edge, see_other
from services.authorize_frontend.http.shared.policy import exact_source
from services.authorize_frontend.http.shared.session_state import browser_state, session_state

_PAGES = {
    INTERACTION_KIND_SIGN_IN: "/sign-in",
    INTERACTION_KIND_STEP_UP: "/step-up",
    INTERACTION_KIND_CONSENT: "/consent",
    INTERACTION_KIND_RESUME: "/authorize/resume",
}
_SCRIPTS = {"javascript", "data", "vbscript", "blob", "filesystem", "about"}


def answer(edge: Edge, request: web.Request, decision: AuthorizeResponse, *, ended: bool = False) -> web.Response:
    """The browser's next step. `ended`: the session that the browser still names is no more.

    Raises:
        ServerError: a decision that this edge does not know, or a redirect URI that no client may have.
    """
    if decision.HasField("interaction"):
        page = _PAGES.get(decision.interaction.kind)
        if page is None:
            raise ServerError(reason=Reason.INTERACTION_KIND_UNKNOWN, redirectable=False)
        return see_other(edge.site.path(page, request=decision.interaction.request_id))
    response = decision.response
    _add_session_state(response, None if ended else edge.cookies.session(request))
    sent = _form_post(edge, response) if response.mode == RESPONSE_MODE_FORM_POST else see_client(location(response))
    if ended:
        edge.cookies.forget_state(sent)  # or the frame would go on to say what held before
    return sent


def _add_session_state(response: AuthorizationResponse, session_secret: str | None) -> None:
    """OpenID Connect Session Management 1.0, 2; only this edge knows what state the browser is in."""
    if response.session_state_client_id:
        value = session_state(
            response.session_state_client_id, redirect_uri=response.redirect_uri, state=browser_state(session_secret)
        )
        response.parameters.add(name="session_state", value=value)


def see_client(uri: str) -> web.Response:
    """303 to a URI of a client. Raises: ServerError for one that no client may have."""
    return see_other(visitable(uri))


def visitable(uri: str) -> str:
    """A URI of a client. Raises: ServerError for one that no client may have."""
    _refuse_script(uri)
    return uri


def location(response: AuthorizationResponse) -> str:
    """The redirect URI with the parameters in its query or fragment; what the URI itself holds stays as it is.

    Spaces are %20, which reads the same to form decoders and to scripts that only know percent-decoding.

    Raises:
        ServerError: no such response mode.
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
    """OAuth 2.0 Form Post Response Mode 2: a form that posts itself, with a button where scripts do not run."""
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
    """A second net under registration: no URI that a browser would run instead of visit."""
    scheme = urlsplit(uri).scheme.lower()
    if not scheme or scheme in _SCRIPTS or not uri.isprintable() or not uri.isascii() or " " in uri:
        raise ServerError(reason=Reason.REDIRECT_URI_UNSAFE, redirectable=False)

"""GET and POST /userinfo (OpenID Connect Core 5.3, RFC 6750 2.1 and 2.2, RFC 9449 7.1)."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.token.http.bearer import bearer_token, dpop_token
from services.token.http.dpop import DPOP_CHALLENGE, dpop_header
from services.token.http.forms import FORM, read_form
from services.token.usecases.tokens.get_userinfo import GetUserinfo


def userinfo_handler(get_userinfo: GetUserinfo, *, url: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        bearer = await _bearer_token(request)
        token = bearer or dpop_token(request)
        if token is None:
            return _challenges()
        answer = await get_userinfo(token, dpop=None if bearer else dpop_header(request, url))
        if answer.signed:
            # Whatever Accept says: what the client registered counts (OpenID Connect Core 5.3.2).
            return web.Response(text=answer.signed, content_type="application/jwt")
        return web.json_response(answer.claims)

    return handle


def _challenges() -> web.Response:
    """RFC 6750 3.1, RFC 9449 7.1: without an access token the challenges contain no error code."""
    response = web.json_response({}, status=401)
    response.headers.add("WWW-Authenticate", "Bearer")
    response.headers.add("WWW-Authenticate", DPOP_CHALLENGE)
    return response


async def _bearer_token(request: web.Request) -> str | None:
    """Return the access token from the Authorization header or the request body.

    Raises:
        InvalidRequest: in the URL, or in two places (RFC 6750 2, 5.3).
    """
    if "access_token" in request.query:
        raise InvalidRequest("The access token must not be sent in the URL (RFC 6750 5.3).", reason=Reason.TOKEN_IN_URL)
    headers = request.headers.getall("Authorization", [])
    from_body = None
    if request.method == "POST" and request.content_type == FORM:
        from_body = (await read_form(request)).get("access_token")
    if len(headers) + (from_body is not None) > 1:
        raise InvalidRequest(
            "The access token is sent more than once: use either the Authorization header or the request body.",
            reason=Reason.TOKEN_TWICE,
        )
    return bearer_token(request) if headers else from_body

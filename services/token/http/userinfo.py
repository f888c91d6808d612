"""GET and POST /userinfo (OpenID Connect Core 5.3, RFC 6750 2.1 and 2.2)."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.token.http.bearer import bearer_token
from services.token.http.forms import FORM, read_form
from services.token.usecases.tokens.get_userinfo import GetUserinfo


def userinfo_handler(get_userinfo: GetUserinfo) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        token = await _bearer_token(request)
        if token is None:
            # RFC 6750 3.1: without a bearer token the challenge contains no error code.
            return web.json_response({}, status=401, headers={"WWW-Authenticate": "Bearer"})
        answer = await get_userinfo(token)
        if answer.signed:
            # Whatever Accept says: what the client registered counts (OpenID Connect Core 5.3.2).
            return web.Response(text=answer.signed, content_type="application/jwt")
        return web.json_response(answer.claims)

    return handle


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

"""POST /introspect (RFC 7662 2, RFC 9701 4)."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from services.token.http.client_request import read_client_request
from services.token.usecases.tokens.introspect_token import IntrospectToken

_SIGNED = "application/token-introspection+jwt"


def introspection_handler(introspect_token: IntrospectToken) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        credentials, parameters = await read_client_request(request)
        wants_jwt = _SIGNED in request.headers.get("Accept", "").lower()
        answer = await introspect_token(credentials, parameters, signed=wants_jwt)
        if isinstance(answer, str):
            return web.Response(text=answer, content_type=_SIGNED)
        return web.json_response(answer)

    return handle

"""POST /revoke (RFC 7009 2)."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from services.token.http.client_request import read_client_request
from services.token.usecases.tokens.revoke_token import RevokeToken


def revocation_handler(revoke_token: RevokeToken) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        """200 whatever became of the token (2.2)."""
        await revoke_token(*await read_client_request(request))
        return web.json_response({})

    return handle

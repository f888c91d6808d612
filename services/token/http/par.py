"""POST /par (RFC 9126 2)."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from services.token.http.client_request import read_client_request
from services.token.usecases.push_authorization_request import PushAuthorizationRequest


def par_handler(push: PushAuthorizationRequest) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        credentials, parameters = await read_client_request(request)
        return web.json_response(await push(credentials, parameters), status=201)

    return handle

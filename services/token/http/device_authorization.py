"""POST /device_authorization (RFC 8628 3.1)."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from libs.servicekit.http.addresses import Networks, remote_address
from services.token.http.client_request import read_client_request
from services.token.usecases.authorization.start_device_authorization import StartDeviceAuthorization


def device_authorization_handler(
    start: StartDeviceAuthorization, *, trusted_proxies: Networks
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        credentials, parameters = await read_client_request(request)
        address = remote_address(request, trusted_proxies)
        return web.json_response(await start(credentials, parameters, remote_address=address))

    return handle

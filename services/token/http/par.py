"""POST /par (RFC 9126 2)."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from libs.oauth.addresses import address_prefix
from libs.servicekit.http.addresses import Networks, remote_address
from services.token.http.client_request import read_client_request
from services.token.http.dpop import dpop_header
from services.token.usecases.authorization.push_authorization_request import PushAuthorizationRequest


def par_handler(
    push: PushAuthorizationRequest, *, url: str, trusted_proxies: Networks
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        credentials, parameters = await read_client_request(request)
        network = address_prefix(remote_address(request, trusted_proxies))
        answer = await push(credentials, parameters, network=network, dpop=dpop_header(request, url))
        return web.json_response(answer, status=201)

    return handle

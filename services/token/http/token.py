"""POST /token (RFC 6749 3.2)."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from services.token.http.client_request import read_client_request
from services.token.http.dpop import dpop_header
from services.token.usecases.tokens.issue_tokens import IssueTokens


def token_handler(issue_tokens: IssueTokens, *, url: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        credentials, parameters = await read_client_request(request)
        return web.json_response(await issue_tokens(credentials, parameters, dpop=dpop_header(request, url)))

    return handle

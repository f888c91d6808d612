"""POST /token (RFC 6749 3.2)."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from libs.oauth.client_authentication import read_credentials
from libs.oauth.errors import InvalidRequest
from services.token.http.forms import read_form
from services.token.usecases.issue_tokens import IssueTokens


def token_handler(issue_tokens: IssueTokens) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        if request.query_string:
            raise InvalidRequest("Parameters belong into the body, not into the URL.", reason="PARAMETERS_IN_URL")
        parameters = await read_form(request)
        credentials = read_credentials(_authorization(request), parameters)
        return web.json_response(await issue_tokens(credentials, parameters))

    return handle


def _authorization(request: web.Request) -> str | None:
    values = request.headers.getall("Authorization", [])
    if len(values) > 1:
        raise InvalidRequest("There is more than one Authorization header.", reason="HEADER_REPEATED")
    return values[0] if values else None

"""Middleware for aiohttp servers: refuses requests without a valid access token.

    app = web.Application(middlewares=[bearer(verifier, scopes=["orders:read"])])

The token is `request[TOKEN]`. `request[TOKEN].require("orders:write")` in a handler becomes 403.
"""

from collections.abc import Iterable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from latchkey_sdk.errors import InsufficientScope
from latchkey_sdk.verifier.access_token import AccessToken
from latchkey_sdk.verifier.bearer import Refusal, Refused, refusal_of, verify_request
from latchkey_sdk.verifier.token_verifier import TokenVerifier

TOKEN: Final = web.RequestKey("latchkey.token", AccessToken)


def bearer(verifier: TokenVerifier, *, scopes: Iterable[str] = (), open_paths: Iterable[str] = ()) -> Middleware:
    """Return the middleware.

    Args:
        scopes: required for every request.
        open_paths: exact paths that need no token.
    """
    needed, unguarded = tuple(scopes), frozenset(open_paths)

    @web.middleware
    async def verified(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in unguarded:
            return await handler(request)
        try:
            request[TOKEN] = await verify_request(verifier, request.headers.getall("Authorization", []), scopes=needed)
            return await handler(request)
        except Refused as refused:
            return _response(refused.response)
        except InsufficientScope as error:
            return _response(refusal_of(error))

    return verified


def _response(refusal: Refusal) -> web.Response:
    return web.Response(status=refusal.status, headers=refusal.headers, body=refusal.body)

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
from latchkey_sdk.verifier.dpop import DpopRequest
from latchkey_sdk.verifier.token_verifier import TokenVerifier

TOKEN: Final = web.RequestKey("latchkey.token", AccessToken)


def bearer(
    verifier: TokenVerifier, *, scopes: Iterable[str] = (), open_paths: Iterable[str] = (), public_url: str = ""
) -> Middleware:
    """Return the middleware.

    Args:
        scopes: required for every request.
        open_paths: exact paths that need no token.
        public_url: base URL of this API as clients call it, for example https://api.example. DPoP proofs contain it;
            without it, the scheme DPoP and tokens that are bound to a key are refused.
    """
    needed, unguarded = tuple(scopes), frozenset(open_paths)

    @web.middleware
    async def verified(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in unguarded:
            return await handler(request)
        try:
            request[TOKEN] = await verify_request(
                verifier,
                request.headers.getall("Authorization", []),
                scopes=needed,
                dpop=_dpop(request, public_url) if public_url else None,
            )
            return await handler(request)
        except Refused as refused:
            return _response(refused.response)
        except InsufficientScope as error:
            return _response(refusal_of(error))

    return verified


def _dpop(request: web.Request, public_url: str) -> DpopRequest:
    url = public_url.rstrip("/") + request.rel_url.raw_path
    return DpopRequest(method=request.method, url=url, proofs=request.headers.getall("DPoP", []))


def _response(refusal: Refusal) -> web.Response:
    return web.Response(status=refusal.status, headers=refusal.headers, body=refusal.body)

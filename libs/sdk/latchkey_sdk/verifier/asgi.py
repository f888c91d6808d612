"""Middleware for Starlette, FastAPI and other ASGI applications: refuses requests without a valid access token.

    app.add_middleware(BearerMiddleware, verifier=verifier, scopes=["orders:read"])

The token is `scope["latchkey.token"]` (Starlette: `request.scope[...]`). `token.require("orders:write")` in a handler
becomes 403.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final
from urllib.parse import quote

from latchkey_sdk.errors import InsufficientScope
from latchkey_sdk.verifier.bearer import Refusal, Refused, refusal_of, verify_request
from latchkey_sdk.verifier.dpop import DpopRequest
from latchkey_sdk.verifier.token_verifier import TokenVerifier

TOKEN: Final = "latchkey.token"

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[MutableMapping[str, Any], _Receive, _Send], Awaitable[None]]


class BearerMiddleware:
    """HTTP and WebSocket requests need a token.

    Args:
        scopes: required for every request.
        open_paths: exact paths that need no token.
        public_url: base URL of this API as clients call it, for example https://api.example. DPoP proofs contain it;
            without it, the scheme DPoP and tokens that are bound to a key are refused.
    """

    def __init__(
        self,
        app: _App,
        *,
        verifier: TokenVerifier,
        scopes: Iterable[str] = (),
        open_paths: Iterable[str] = (),
        public_url: str = "",
    ) -> None:
        self._app = app
        self._verifier = verifier
        self._scopes = tuple(scopes)
        self._open_paths = frozenset(open_paths)
        self._public_url = public_url.rstrip("/")

    async def __call__(self, scope: MutableMapping[str, Any], receive: _Receive, send: _Send) -> None:
        if scope["type"] == "lifespan" or scope.get("path") in self._open_paths:
            await self._app(scope, receive, send)
            return
        try:
            token = await verify_request(
                self._verifier, _header(scope, b"authorization"), scopes=self._scopes, dpop=self._dpop(scope)
            )
        except Refused as refused:
            await _respond(scope, receive, send, refused.response)
            return
        await self._serve({**scope, TOKEN: token}, receive, send)

    def _dpop(self, scope: MutableMapping[str, Any]) -> DpopRequest | None:
        if not self._public_url:
            return None
        path = scope["raw_path"].decode("latin-1") if scope.get("raw_path") else quote(scope["path"])
        return DpopRequest(
            method=scope.get("method", "GET"),  # a WebSocket handshake is a GET request
            url=self._public_url + path.partition("?")[0],
            proofs=_header(scope, b"dpop"),
        )

    async def _serve(self, scope: MutableMapping[str, Any], receive: _Receive, send: _Send) -> None:
        began = False

        async def watched(message: _Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except InsufficientScope as error:
            if began:
                raise
            await _respond(scope, receive, send, refusal_of(error))


def _header(scope: MutableMapping[str, Any], wanted: bytes) -> list[str]:
    """The values of all headers with this name."""
    return [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == wanted]


async def _respond(scope: MutableMapping[str, Any], receive: _Receive, send: _Send, refusal: Refusal) -> None:
    if scope["type"] == "websocket":
        # Closing before acceptance makes the server respond with 403 (ASGI, Close - send event).
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": refusal.error})
        return
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in refusal.headers.items()]
    headers.append((b"content-length", str(len(refusal.body)).encode()))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.body})

"""Responses of resource servers follow RFC 6750, with aiohttp and with ASGI."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from latchkey_sdk.verifier import TokenVerifier, asgi
from latchkey_sdk.verifier.aiohttp_server import TOKEN, bearer
from tests.unit.crypto.tokens import signing_key
from tests.unit.sdk.verifying import Clock, Issuer, a_token, a_verifier, an_issuer

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    status: int
    challenge: str | None
    retry_after: str | None
    body: Any


Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture
def issuer() -> Issuer:
    return an_issuer()


@pytest.fixture
def verifier(issuer: Issuer) -> TokenVerifier:
    return a_verifier(issuer, Clock())


@pytest.fixture
async def on_aiohttp(verifier: TokenVerifier) -> AsyncIterator[Ask]:
    async def read(request: web.Request) -> web.Response:
        return web.json_response(request[TOKEN].client_id if TOKEN in request else "no token")

    async def write(request: web.Request) -> web.Response:
        request[TOKEN].require("write")
        return web.json_response("written")

    app = web.Application(middlewares=[bearer(verifier, scopes=["read"], open_paths=["/health"])])
    app.router.add_get("/read", read)
    app.router.add_get("/write", write)
    app.router.add_get("/health", read)

    async with TestClient(TestServer(app)) as client:

        async def ask(path: str = "/read", *authorization: str) -> Answer:
            headers: Headers = [("Authorization", value) for value in authorization]
            async with client.get(path, headers=headers) as answer:
                sent = answer.headers
                return Answer(answer.status, sent.get("WWW-Authenticate"), sent.get("Retry-After"), await answer.json())

        yield ask


@pytest.fixture
def on_asgi(verifier: TokenVerifier) -> Ask:
    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        token = scope.get(asgi.TOKEN)
        if scope["path"] == "/write":
            assert token
            token.require("write")
        said = json.dumps("written" if scope["path"] == "/write" else token.client_id if token else "no token").encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": said})

    guarded = asgi.BearerMiddleware(app, verifier=verifier, scopes=["read"], open_paths=["/health"])

    async def ask(path: str = "/read", *authorization: str) -> Answer:
        sent = await called(guarded, "http", path, *authorization)
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        body = json.loads(sent[1]["body"])
        return Answer(sent[0]["status"], headers.get("www-authenticate"), headers.get("retry-after"), body)

    return ask


async def called(app: asgi.BearerMiddleware, kind: str, path: str, *authorization: str) -> list[Any]:
    """Call an ASGI application and return its messages."""
    sent: list[Any] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": f"{kind}.connect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [(b"authorization", value.encode("latin-1")) for value in authorization]
    await app({"type": kind, "path": path, "headers": headers}, receive, send)
    return sent


@pytest.fixture(params=["on_aiohttp", "on_asgi"])
def ask(request: pytest.FixtureRequest) -> Ask:
    asking: Ask = request.getfixturevalue(request.param)
    return asking


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_valid_token_is_accepted(ask: Ask, scheme: str) -> None:
    answer = await ask("/read", f"{scheme} {a_token(scope='read')}")
    assert (answer.status, answer.body) == (200, "c_web")
    assert (await ask("/write", f"{scheme} {a_token(scope='read write')}")).body == "written"


@pytest.mark.parametrize("authorization", [(), ("Basic YTpi",), ("",)])
async def test_response_without_a_token_has_no_error_code(ask: Ask, authorization: tuple[str, ...]) -> None:
    answer = await ask("/read", *authorization)
    assert (answer.status, answer.challenge) == (401, 'Bearer scope="read"')


async def test_invalid_token_gets_invalid_token(ask: Ask) -> None:
    answer = await ask("/read", f"Bearer {a_token(signing_key('ES256', 9))}")
    assert answer.status == 401
    assert answer.challenge
    assert answer.challenge.startswith('Bearer error="invalid_token", error_description="')
    assert answer.body["error"] == "invalid_token"


@pytest.mark.parametrize("path", ["/read", "/write"])
async def test_token_without_the_scope_gets_insufficient_scope(ask: Ask, path: str) -> None:
    answer = await ask(path, f"Bearer {a_token(scope='read' if path == '/write' else 'openid')}")
    assert (answer.status, answer.body["error"]) == (403, "insufficient_scope")
    assert answer.challenge
    assert answer.challenge.endswith(f'scope="{path[1:]}"')


@pytest.mark.s(61)
@pytest.mark.parametrize("authorization", [
    ("Bearer",), ("Bearer ",), ("Bearer a b",), ("Bearer a", "Bearer b"), ("Basic YTpi", "Bearer a"),
])  # fmt: skip
async def test_malformed_authorization_header_gets_invalid_request(ask: Ask, authorization: tuple[str, ...]) -> None:
    answer = await ask("/read", *authorization)
    assert (answer.status, answer.body["error"]) == (400, "invalid_request")


async def test_response_is_503_with_retry_after_when_keys_are_unavailable(ask: Ask, issuer: Issuer) -> None:
    issuer.down = True
    answer = await ask("/read", f"Bearer {a_token(scope='read')}")
    assert (answer.status, answer.challenge, answer.retry_after) == (503, None, "5")


async def test_open_path_needs_no_token(ask: Ask) -> None:
    assert (await ask("/health")).body == "no token"
    assert {(await ask(path)).status for path in ("/healthy", "/health/", "/HEALTH")} == {401}


async def test_websocket_needs_a_token(verifier: TokenVerifier) -> None:
    reached: list[str] = []

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        reached.append(scope["type"])

    guarded = asgi.BearerMiddleware(app, verifier=verifier)
    (closed,) = await called(guarded, "websocket", "/feed")
    assert (closed["type"], closed["code"], reached) == ("websocket.close", 1008, [])
    await called(guarded, "websocket", "/feed", f"Bearer {a_token()}")
    await called(guarded, "lifespan", "/")
    assert reached == ["websocket", "lifespan"]

"""Bound access tokens need a proof of their key (RFC 9449 7), with aiohttp and with ASGI."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from latchkey_sdk.verifier import DpopRequest, ProofRefused, TokenRefused, TokenVerifier, asgi, dpop
from latchkey_sdk.verifier.aiohttp_server import TOKEN, bearer
from latchkey_sdk.verifier.dpop import ProofMemory
from tests.unit.crypto.tokens import ISSUED
from tests.unit.sdk.verifying import Clock, a_token, a_verifier, an_issuer
from tests.unit.sdk.verifying import reason as reason_of
from tests.unit.token.proofs import a_proof, jkt_of, public_members

pytestmark = pytest.mark.s(26)
URL = "https://api.example/orders"
NOW = datetime.fromtimestamp(ISSUED, UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(clock: Clock) -> TokenVerifier:
    return a_verifier(an_issuer(), clock)


@pytest.fixture
def token() -> str:
    return a_token(cnf={"jkt": jkt_of()})


def proof(token: str, which: int = 0, **changes: Any) -> str:
    return a_proof(which, **{"method": "GET", "url": URL, "token": token, "at": NOW, **changes})


async def reason(verifier: TokenVerifier, token: str, *proofs: str, method: str = "GET", url: str = URL) -> str | None:
    try:
        await verifier.verify(token, dpop=DpopRequest(method=method, url=url, proofs=proofs))
    except TokenRefused as refused:
        return refused.reason
    return None


async def test_bound_token_is_refused_as_bearer_token(verifier: TokenVerifier, token: str) -> None:
    assert await reason_of(verifier, token) == "BOUND"
    assert await reason_of(verifier, a_token(cnf={"x5t#S256": "A" * 43})) == "BINDING_UNSUPPORTED"
    assert await reason_of(verifier, a_token(cnf={})) == "BINDING_UNSUPPORTED"


async def test_bound_token_is_accepted_once_with_each_proof(verifier: TokenVerifier, clock: Clock, token: str) -> None:
    first = proof(token)
    assert await reason(verifier, token, first) is None
    assert await reason(verifier, token, first) == "PROOF_REPLAYED"
    clock.time += 59
    assert await reason(verifier, token, first) == "PROOF_REPLAYED"
    clock.time += 2
    assert await reason(verifier, token, first) == "PROOF_TIME"


async def test_unbound_token_is_refused_with_the_scheme_dpop(verifier: TokenVerifier) -> None:
    token = a_token()
    assert await reason(verifier, token, proof(token)) == "NOT_BOUND"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"which": 1}, "KEY_MISMATCH"),
        ({"typ": "JWT"}, "PROOF_SIGNATURE"),
        ({"alg": "RS256"}, "PROOF_SIGNATURE"),
        ({"jwk": public_members(1)}, "PROOF_SIGNATURE"),
        ({"jwk": {**public_members(), "d": "A" * 43}}, "PROOF_SIGNATURE"),
        ({"jti": None}, "PROOF_MALFORMED"),
        ({"htm": "POST"}, "PROOF_MISMATCH"),
        ({"htm": None}, "PROOF_MISMATCH"),
        ({"htu": "https://other.example/orders"}, "PROOF_MISMATCH"),
        ({"htu": None}, "PROOF_MISMATCH"),
        ({"htu": 7}, "PROOF_MISMATCH"),
        ({"ath": None}, "PROOF_MISMATCH"),
        ({"token": "another token"}, "PROOF_MISMATCH"),
        ({"iat": None}, "PROOF_MALFORMED"),
        ({"iat": ISSUED - 3600}, "PROOF_TIME"),
        ({"iat": ISSUED + 3600}, "PROOF_TIME"),
        ({"exp": ISSUED - 61}, "PROOF_TIME"),
        ({"nbf": ISSUED + 61}, "PROOF_TIME"),
        ({"htu": "HTTPS://API.example:443/orders?a=b#c"}, None),
        ({"nbf": ISSUED, "exp": ISSUED + 300, "unknown": 1}, None),
        ({"iat": ISSUED - 10}, None),
        ({"iat": ISSUED + 10}, None),
    ],
)
async def test_each_claim_of_a_proof_is_checked(
    verifier: TokenVerifier, token: str, changes: dict[str, Any], expected: str | None
) -> None:
    assert await reason(verifier, token, proof(**{"token": token, **changes})) == expected


async def test_request_needs_exactly_one_proof(verifier: TokenVerifier, token: str) -> None:
    assert await reason(verifier, token) == "PROOF_COUNT"
    assert await reason(verifier, token, proof(token), proof(token)) == "PROOF_COUNT"
    for text in ("", "a.b.c", "not a JWT", "x" * 10_000):
        assert await reason(verifier, token, text) == "PROOF_SIGNATURE"


def test_one_key_cannot_fill_the_memory_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dpop, "MAX_PROOFS_PER_KEY", 2)
    memory = ProofMemory()
    memory.use("a", "1", now=0)
    memory.use("a", "2", now=0)
    with pytest.raises(ProofRefused) as refusal:
        memory.use("a", "3", now=0)
    assert refusal.value.reason == "PROOFS_FULL"
    memory.use("b", "1", now=0)
    memory.use("a", "1", now=122)


async def test_aiohttp_middleware_verifies_proofs(verifier: TokenVerifier, token: str) -> None:
    async def read(request: web.Request) -> web.Response:
        return web.json_response(request[TOKEN].client_id)

    app = web.Application(middlewares=[bearer(verifier, public_url="https://api.example/")])
    app.router.add_get("/orders", read)
    async with TestClient(TestServer(app)) as client:
        for headers, status, error in (
            ({"Authorization": f"dpOP {token}", "DPoP": proof(token)}, 200, ""),
            ({"Authorization": f"DPoP {token}"}, 401, 'DPoP algs="ES256", error="invalid_dpop_proof"'),
            ({"Authorization": f"DPoP {token}", "DPoP": proof(token, 1)}, 401, 'DPoP algs="ES256", error="invalid_tok'),
            ({"Authorization": f"Bearer {token}", "DPoP": proof(token)}, 401, 'Bearer error="invalid_token"'),
            ({}, 401, 'Bearer, DPoP algs="ES256"'),
        ):
            response = await client.get("/orders?a=b", headers=headers)
            assert response.status == status
            assert response.headers.get("WWW-Authenticate", "").startswith(error)


async def test_asgi_middleware_verifies_proofs(verifier: TokenVerifier, token: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(scope[asgi.TOKEN].client_id).encode()})

    async def status(*, public_url: str, headers: dict[str, str]) -> int:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        guarded = asgi.BearerMiddleware(app, verifier=verifier, public_url=public_url)
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": "GET", "path": "/orders", "raw_path": b"/orders", "headers": raw}
        receive: Any = None
        await guarded(scope, receive, send)
        return int(sent[0]["status"])

    good = {"Authorization": f"DPoP {token}", "DPoP": proof(token)}
    assert await status(public_url="https://api.example", headers=good) == 200
    assert await status(public_url="https://api.example", headers=good) == 401
    assert await status(public_url="https://api.example", headers={"Authorization": f"Bearer {token}"}) == 401
    without = {"Authorization": f"DPoP {token}", "DPoP": proof(token)}
    assert await status(public_url="", headers=without) == 401

"""Fetching and caching of the key set."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from latchkey_sdk.verifier import TokenVerifier, VerifierUnavailable
from latchkey_sdk.verifier.documents import MAX_BYTES, Document, FetchFailed, fetch
from latchkey_sdk.verifier.jwks import COOL_DOWN_SECONDS, STALE_SECONDS
from tests.unit.crypto.tokens import ISSUED, ISSUER, signing_key
from tests.unit.sdk.verifying import Clock, Issuer, a_token, a_verifier, an_issuer, reason

OLD, NEW, UNKNOWN = signing_key("ES256"), signing_key("ES256", 1), signing_key("ES256", 2)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer() -> Issuer:
    return an_issuer(OLD)


@pytest.fixture
def verifier(issuer: Issuer, clock: Clock) -> TokenVerifier:
    return a_verifier(issuer, clock)


def fresh(clock: Clock, **changes: Any) -> str:
    """Return a token that is issued now."""
    return a_token(iat=int(clock.time), exp=int(clock.time) + 600, **changes)


async def settled() -> None:
    """Let background tasks run, such as a refresh of the keys."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_key_set_is_fetched_once_for_concurrent_requests(verifier: TokenVerifier, issuer: Issuer) -> None:
    assert await asyncio.gather(*(reason(verifier, a_token()) for _ in range(50))) == [None] * 50
    assert (issuer.discovered, len(issuer.asked)) == (1, 1)


@pytest.mark.parametrize(("cache_control", "fresh_for"), [
    ("public, max-age=300", 300),
    ("max-age=1200", 1200),
    ("max-age=1", COOL_DOWN_SECONDS),
    ("no-store", COOL_DOWN_SECONDS),
    ("", 300),
    ("max-age=999999999", 24 * 3600),
])  # fmt: skip
async def test_key_set_is_cached_for_max_age_and_revalidated_by_etag(
    issuer: Issuer, clock: Clock, cache_control: str, fresh_for: float
) -> None:
    issuer.cache_control = cache_control
    verifier = a_verifier(issuer, clock)
    assert await reason(verifier, a_token()) is None
    clock.time += fresh_for - 1
    assert await reason(verifier, fresh(clock)) is None
    assert issuer.asked == [None]
    clock.time += 1
    assert await reason(verifier, fresh(clock)) is None
    await settled()
    assert len(issuer.asked) == 2
    assert issuer.asked[1]
    clock.time += fresh_for - 1
    assert await reason(verifier, fresh(clock)) is None
    assert len(issuer.asked) == 2


async def test_age_header_reduces_freshness() -> None:
    aged = Document(200, {"cache-control": "max-age=300", "AGE": "200"})
    assert aged.fresh_for(default=1) == 100
    assert Document(200, {"Cache-Control": "max-age=300", "Age": "400"}).fresh_for(default=1) == 0


async def test_new_key_is_fetched_at_its_first_token(verifier: TokenVerifier, issuer: Issuer, clock: Clock) -> None:
    assert await reason(verifier, a_token()) is None
    clock.time += COOL_DOWN_SECONDS
    issuer.keys = [OLD, NEW]
    assert await reason(verifier, a_token(NEW)) is None
    assert len(issuer.asked) == 2


async def test_unknown_key_ids_cause_one_fetch_in_ten_seconds(
    verifier: TokenVerifier, issuer: Issuer, clock: Clock
) -> None:
    forged = [a_token(UNKNOWN)] * 100
    for expected in (1, 1, 2):
        assert set(await asyncio.gather(*(reason(verifier, token) for token in forged))) == {"KEY_UNKNOWN"}
        assert len(issuer.asked) == expected
        clock.time += COOL_DOWN_SECONDS / 2


async def test_removed_key_is_refused(verifier: TokenVerifier, issuer: Issuer, clock: Clock) -> None:
    assert await reason(verifier, a_token()) is None
    issuer.keys = [NEW]
    clock.time += 300
    await reason(verifier, fresh(clock))
    await settled()
    assert await reason(verifier, fresh(clock)) == "KEY_UNKNOWN"


async def test_stale_keys_are_used_for_one_hour_when_the_issuer_is_unavailable(
    verifier: TokenVerifier, issuer: Issuer, clock: Clock
) -> None:
    assert await reason(verifier, a_token()) is None
    issuer.down = True
    clock.time += 300 + STALE_SECONDS - 1
    assert await reason(verifier, fresh(clock)) is None
    clock.time += 1
    with pytest.raises(VerifierUnavailable, match="keys"):
        await verifier.verify(fresh(clock))


@pytest.mark.s(66)
async def test_tokens_are_refused_without_keys_and_fetches_back_off(
    verifier: TokenVerifier, issuer: Issuer, clock: Clock
) -> None:
    issuer.down = True
    times = []
    while clock.time < ISSUED + 60:
        before = len(issuer.asked)
        with pytest.raises(VerifierUnavailable):
            await verifier.verify(a_token())
        if len(issuer.asked) > before:
            times.append(clock.time - ISSUED)
        clock.time += 0.5
    assert times == [0, 1, 3, 8, 18, 28, 38, 48, 58]
    issuer.down = False
    clock.time += COOL_DOWN_SECONDS
    assert await reason(verifier, a_token()) is None


@pytest.mark.parametrize("discovery", [
    {"issuer": "https://evil.example", "jwks_uri": f"{ISSUER}/jwks"},
    {"issuer": ISSUER, "jwks_uri": "http://id.example/jwks"},
    {"issuer": ISSUER},
])  # fmt: skip
async def test_discovery_document_must_match_issuer_and_use_https(
    verifier: TokenVerifier, issuer: Issuer, discovery: dict[str, str]
) -> None:
    issuer.discovery = discovery
    with pytest.raises(VerifierUnavailable):
        await verifier.verify(a_token())
    assert issuer.asked == []


async def test_jwks_uri_replaces_discovery(issuer: Issuer, clock: Clock) -> None:
    verifier = a_verifier(issuer, clock, jwks_uri=f"{ISSUER}/jwks")
    assert await reason(verifier, a_token()) is None
    assert issuer.discovered == 0


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async def serve(request: web.Request) -> web.Response:
        match request.path:
            case "/moved":
                raise web.HTTPFound("/good")
            case "/long":
                return web.Response(body=b" " * (MAX_BYTES + 1))
            case "/good" if request.headers.get("If-None-Match") == '"1"':
                return web.Response(status=304)
            case "/good":
                return web.Response(body=b"{}", headers={"ETag": '"1"', "Cache-Control": "max-age=7"})
        raise web.HTTPNotFound

    app = web.Application()
    app.router.add_get("/{tail:.*}", serve)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def test_fetch_returns_document_and_etag(address: str) -> None:
    document = await fetch(f"{address}/good")
    assert (document.body, document.etag, document.fresh_for(default=1)) == (b"{}", '"1"', 7)
    assert (await fetch(f"{address}/good", '"1"')).status == 304


@pytest.mark.s(43)
@pytest.mark.parametrize("path", ["/moved", "/long", "/missing"])
async def test_fetch_refuses_redirects_errors_and_large_bodies(address: str, path: str) -> None:
    with pytest.raises(FetchFailed):
        await fetch(f"{address}{path}")


async def test_fetch_fails_when_the_server_is_unreachable() -> None:
    with pytest.raises(FetchFailed, match="cannot be fetched"):
        await fetch("http://127.0.0.1:1/jwks")

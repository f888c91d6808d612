"""The key-rotation service hangs: signing and the key set continue until the keys that were fetched expire.

Real processes with an accelerated clock, in which five minutes take 1.5 seconds (tests/support/fast_clock.py).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import httpx2
import pytest

from tests.flows.relying_party import RelyingParty
from tests.support import fast_clock
from tests.support.fast_clock import FastClock
from tests.support.stack import Stack, running_stack

pytestmark = pytest.mark.timeout(200)


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> FastClock:
    return FastClock(tmp_path_factory.mktemp("clock") / "began")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, clock: FastClock) -> Iterator[Stack]:
    environment = {fast_clock.VARIABLE: str(clock.file), "LATCHKEY_PUBLICATION_MAX_AGE_SECONDS": "600"}
    folder = tmp_path_factory.mktemp("keys-away")
    with running_stack(folder, environment=environment, seeded=False, through="tests.support.fast_clock") as running:
        yield running


async def _until(status: int, ask: Callable[[], Awaitable[httpx2.Response]]) -> httpx2.Response:
    async with asyncio.timeout(40):
        while (answer := await ask()).status_code != status:  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.05)
    return answer


@pytest.mark.s(66)
async def test_signing_and_jwks_stop_without_key_rotation_and_resume_after_its_start(system: Stack, clock: FastClock):
    machine = await RelyingParty.registered(
        system, redirect_uris=[], grant_types=["client_credentials"], response_types=[]
    )
    async with machine, httpx2.AsyncClient(timeout=20) as http:

        async def sign() -> httpx2.Response:
            return await machine.token_request(grant_type="client_credentials")

        async def publish() -> httpx2.Response:
            return await http.get(f"{system.issuer}/jwks")

        async def ready() -> httpx2.Response:
            return await http.get(f"{system.ops('token')}/readyz")

        clock.begin()
        for ask in (sign, publish, ready):
            await _until(200, ask)
        system.pause("key-rotation")
        try:
            refusal = await _until(503, sign)
            assert refusal.json()["error"] == "temporarily_unavailable"
            unready = await _until(503, ready)
            assert unready.json()["checks"]["keys"]["ok"] is False
            assert (await _until(503, publish)).headers["Cache-Control"] == "no-store"
        finally:
            system.resume("key-rotation")
        for ask in (sign, publish, ready):
            await _until(200, ask)

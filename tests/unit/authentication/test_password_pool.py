import asyncio
import threading
from collections.abc import Iterator

import pytest

from libs.crypto.errors import PasswordTooLong
from libs.crypto.passwords import DUMMY
from libs.oauth.errors import TemporarilyUnavailable
from services.authentication.adapters.password_pool import PasswordPool


@pytest.fixture
def pool() -> Iterator[PasswordPool]:
    pool = PasswordPool(workers=1, queue=1)
    yield pool
    pool.close()


class Gate:
    """Stands in for the hash function: an operation that takes until it is let through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open = threading.Event()
        self.begun = threading.Semaphore(0)
        self.calls = 0
        monkeypatch.setattr("libs.crypto.passwords.hash_password", self)

    def __call__(self, password: str) -> str:
        self.calls += 1
        self.begun.release()
        assert self.open.wait(10)
        return f"hash of {password}"


async def test_a_hash_verifies_and_another_password_does_not(pool: PasswordPool) -> None:
    stored = await pool.hash("alice-password")
    assert await pool.verify(stored, "alice-password")
    assert not await pool.verify(stored, "bob-password")
    assert not pool.outdated(stored)


@pytest.mark.s(46)
async def test_without_a_hash_one_operation_is_done_all_the_same(
    pool: PasswordPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []

    def verify(stored: str, _password: str) -> bool:
        verified.append(stored)
        return True  # even if the dummy matched, no user would be signed in

    monkeypatch.setattr("libs.crypto.passwords.verify_password", verify)
    assert not await pool.verify(None, "alice-password")
    assert verified == [DUMMY]


@pytest.mark.s(47, 61)
async def test_beyond_the_queue_an_operation_is_refused_at_once(
    pool: PasswordPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    running, waiting = asyncio.create_task(pool.hash("1")), asyncio.create_task(pool.hash("2"))
    await asyncio.sleep(0)

    with pytest.raises(TemporarilyUnavailable) as refusal:
        await pool.hash("3")
    assert (refusal.value.reason, refusal.value.retry_after) == ("PASSWORD_QUEUE_FULL", 2)

    gate.open.set()
    assert [await running, await waiting] == ["hash of 1", "hash of 2"]
    assert await pool.hash("4") == "hash of 4"


async def test_the_event_loop_goes_on_while_a_password_is_hashed(
    pool: PasswordPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    hashing = asyncio.create_task(pool.hash("1"))
    await asyncio.sleep(0)
    gate.open.set()  # reached although the operation is not done
    assert await hashing == "hash of 1"


async def test_a_caller_who_leaves_the_queue_frees_a_place_and_costs_no_hash(
    pool: PasswordPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    running, leaving = asyncio.create_task(pool.hash("1")), asyncio.create_task(pool.hash("2"))
    await asyncio.to_thread(gate.begun.acquire)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    staying = asyncio.create_task(pool.hash("3"))
    await asyncio.sleep(0)
    gate.open.set()

    assert [await running, await staying] == ["hash of 1", "hash of 3"]
    assert gate.calls == 2


async def test_a_caller_who_leaves_while_the_thread_works_frees_no_place_yet(
    pool: PasswordPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    leaving = asyncio.create_task(pool.hash("1"))
    await asyncio.to_thread(gate.begun.acquire)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    waiting = asyncio.create_task(pool.hash("2"))
    await asyncio.sleep(0)
    with pytest.raises(TemporarilyUnavailable):
        await pool.hash("3")
    gate.open.set()
    await waiting


async def test_a_failed_operation_frees_its_place(pool: PasswordPool) -> None:
    for _ in range(3):
        with pytest.raises(PasswordTooLong):
            await pool.hash("x" * 2_000)
    assert await pool.hash("alice-password")

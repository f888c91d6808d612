"""Sign-ins beside other sign-ins and beside operators, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from libs.oauth.errors import AccessDenied
from libs.servicekit.sql.database import Database
from services.authentication.domain.accounts.account import Account
from services.authentication.domain.sessions.session import EndedSession
from services.authentication.store.sessions.sessions import Sessions
from tests.storage.authentication.world import World


async def test_two_sign_ins_of_one_browser_end_its_session_once(world: World, alice: str) -> None:
    old = await world.signed_in()
    both = await asyncio.gather(*(world.signed_in(session_secret=old.session_secret) for _ in range(2)))

    assert len({signed_in.session.id for signed_in in both}) == 2
    assert not await world.live(old)
    assert len(await world.events("session.ended")) == 1
    await world.check_books()


async def test_concurrent_sign_ins_with_swapped_browsers_do_not_deadlock(world: World, alice: str) -> None:
    await world.user("bob")
    for _ in range(5):
        of_alice, of_bob = await world.signed_in("alice"), await world.signed_in("bob")
        await asyncio.gather(
            world.signed_in("bob", session_secret=of_alice.session_secret),
            world.signed_in("alice", session_secret=of_bob.session_secret),
        )
    await world.check_books()


@pytest.mark.s(55)
async def test_an_account_disabled_while_its_password_is_checked_does_not_get_in(world: World, alice: str) -> None:
    async def disable() -> None:
        await world.disable_user("alice", operator="cli")

    world.passwords.meanwhile = disable
    with pytest.raises(AccessDenied):
        await world.signed_in()

    assert not await world.sessions()
    [failed] = await world.events("login.failed")
    assert failed["reason"] == "account_disabled"


@pytest.mark.s(55)
async def test_a_password_changed_while_it_is_checked_does_not_get_in(world: World, alice: str) -> None:
    async def change() -> None:
        await world.set_password("alice", "another-password", operator="cli")

    world.passwords.meanwhile = change
    with pytest.raises(AccessDenied):
        await world.signed_in()

    assert not await world.sessions()
    assert (await world.signed_in(password="another-password")).session.user_id == alice


@pytest.mark.s(55)
async def test_a_disabling_waits_for_a_sign_in_that_is_being_written_and_then_ends_it(
    world: World, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    disabling: list[asyncio.Task[Account]] = []
    end_surplus_of = Sessions.end_surplus_of

    async def disable_meanwhile(sessions: Sessions, *arguments: Any, **keywords: Any) -> Sequence[EndedSession]:
        disabling.append(asyncio.create_task(world.disable_user("alice", operator="cli")))
        await _done_or_waiting(world.database, disabling[0])
        return await end_surplus_of(sessions, *arguments, **keywords)

    monkeypatch.setattr(Sessions, "end_surplus_of", disable_meanwhile)
    await world.signed_in()
    await disabling[0]

    [row] = await world.sessions()
    assert row.end_reason == "account_disabled"
    await world.check_books()


async def _done_or_waiting(database: Database, task: asyncio.Task[Any]) -> None:
    """Until the task is done, or is blocked by another transaction."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(1_000):
        await asyncio.sleep(0)
        if task.done():
            return
        if not database.is_sqlite:  # there, writers of one process queue for a lock that is not the database's
            async with database.snapshot() as session:
                if (await session.execute(waiting)).scalar_one():
                    return


async def test_no_transaction_is_open_while_a_password_is_hashed(world: World, alice: str) -> None:
    open_connections = []

    async def look() -> None:
        open_connections.append(world.database.engine.pool.checkedout())  # type: ignore[attr-defined]

    world.passwords.meanwhile = look
    await world.signed_in()
    assert open_connections == [0]


async def test_a_event_that_cannot_be_written_undoes_the_sign_in(
    world: World, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_keywords: object) -> None:
        raise RuntimeError("no events today")

    monkeypatch.setattr("services.authentication.events.signed_in", fail)
    with pytest.raises(RuntimeError):
        await world.signed_in()
    assert not await world.sessions()
    monkeypatch.undo()
    await world.check_books()

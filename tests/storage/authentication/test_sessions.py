"""The life of a session after the sign-in, on SQLite and on PostgreSQL."""

import asyncio
from datetime import timedelta

import pytest

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authentication.domain.sessions.origin import Origin
from services.authentication.usecases.sessions import sweep_sessions, touch_sessions
from services.authentication.usecases.sessions.sweep_sessions import GRACE
from tests.storage.authentication.world import ABSOLUTE, IDLE, KEEP_ENDED, NOON, ORIGIN, World
from tests.support.databases import statements

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


async def test_live_session_is_read_with_its_user_in_one_statement(world: World, alice: str) -> None:
    signed_in = await world.signed_in()
    world.clock.move(MINUTE)

    with statements(world.database) as sent:
        live = await world.get_session(signed_in.session_secret)

    assert len(sent) == 1
    assert live is not None
    assert live.session == signed_in.session
    assert (live.account.id, live.account.display_name, live.at) == (alice, "Alice Example", NOON + MINUTE)


@pytest.mark.s(38)
@pytest.mark.parametrize("secret", ["", "unknown", "\x00", "x" * 10_000])
async def test_no_other_secret_opens_a_session(world: World, alice: str, secret: str) -> None:
    signed_in = await world.signed_in()
    assert await world.get_session(secret) is None
    assert await world.get_session(signed_in.session.id) is None


async def test_a_session_lives_until_it_is_idle_for_too_long(world: World, alice: str) -> None:
    signed_in = await world.signed_in()
    world.clock.move(IDLE - SECOND)
    assert await world.live(signed_in)
    world.clock.move(SECOND)
    assert not await world.live(signed_in)


async def test_a_session_in_use_lives_on_and_no_longer_than_the_absolute_time(world: World, alice: str) -> None:
    signed_in = await world.signed_in()
    while world.clock.now() < NOON + ABSOLUTE - IDLE / 2:
        world.clock.move(IDLE / 2)
        assert await world.live(signed_in)
        await world.touch()
    world.clock.move(NOON + ABSOLUTE - SECOND - world.clock.now())
    assert await world.live(signed_in)
    world.clock.move(SECOND)
    assert not await world.live(signed_in)


async def test_a_use_is_written_at_most_once_a_minute_and_not_by_the_reader(world: World, alice: str) -> None:
    signed_in = await world.signed_in()
    with statements(world.database) as sent:
        world.clock.move(MINUTE - SECOND)
        await world.live(signed_in)
        assert not await world.touch()
    assert len(sent) == 1
    with statements(world.database) as sent:
        world.clock.move(SECOND)
        await world.live(signed_in)
        await world.live(signed_in)
        assert not await world.touch()
        await world.live(signed_in)
        assert not await world.touch()
    assert [statement.split()[0] for statement in sent] == ["SELECT", "SELECT", "WITH", "SELECT"]
    [row] = await world.sessions()
    assert row.last_seen_at == NOON + MINUTE


async def test_uses_are_written_in_batches(world: World, alice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(touch_sessions, "BATCH", 2)
    for _ in range(3):
        await world.signed_in()
    world.clock.move(MINUTE)
    for row in await world.sessions():
        world.touch.note(row.id)

    assert await world.touch()
    assert not await world.touch()
    assert {row.last_seen_at for row in await world.sessions()} == {NOON + MINUTE}


async def test_recorded_session_uses_are_bounded_and_kept_while_the_database_is_unavailable(
    world: World, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(touch_sessions, "MAX_WAITING", 1)
    signed_in = await world.signed_in()
    world.touch.note(signed_in.session.id)
    world.touch.note("another")

    def away() -> None:
        raise TemporarilyUnavailable(reason=Reason.DATABASE_UNAVAILABLE)

    monkeypatch.setattr(world.touch, "_work", away)
    with pytest.raises(TemporarilyUnavailable):
        await world.touch()
    monkeypatch.setattr(world.touch, "_work", world.work)
    world.clock.move(MINUTE)
    assert not await world.touch()
    [row] = await world.sessions()
    assert row.last_seen_at == NOON + MINUTE


async def test_a_use_does_not_revive_a_session_that_has_ended(world: World, alice: str) -> None:
    signed_in = await world.signed_in()
    world.clock.move(MINUTE)
    await world.live(signed_in)
    await world.end_session(signed_in.session_secret, origin=ORIGIN)
    await world.touch()

    [row] = await world.sessions()
    assert row.last_seen_at == NOON
    assert not await world.live(signed_in)


async def test_signing_out_ends_the_session_and_says_so_once(world: World, alice: str) -> None:
    signed_in = await world.signed_in()

    assert await world.end_session(signed_in.session_secret, origin=ORIGIN) == signed_in.session.id
    assert await world.end_session(signed_in.session_secret, origin=ORIGIN) is None
    assert not await world.live(signed_in)
    [ended] = await world.events("session.ended")
    assert (ended["subject"], ended["actorid"], ended["reason"]) == (alice, alice, "signed_out")
    assert ended["correlationid"] == "request-1"
    await world.check_books()


async def test_signing_out_many_times_at_once_ends_the_session_once(world: World, alice: str) -> None:
    signed_in = await world.signed_in()
    answers = await asyncio.gather(*(world.end_session(signed_in.session_secret, origin=ORIGIN) for _ in range(5)))
    assert sorted(answers, key=str) == [signed_in.session.id, None, None, None, None] or answers.count(None) == 4
    await world.check_books()


@pytest.mark.parametrize("secret", ["", "unknown"])
async def test_signing_out_of_nothing_is_no_error(world: World, secret: str) -> None:
    assert await world.end_session(secret, origin=Origin()) is None
    assert not await world.events()


async def test_expired_sessions_are_ended_with_an_event_and_deleted_later(world: World, alice: str) -> None:
    unused = await world.signed_in()
    world.clock.move(IDLE + GRACE)
    fresh = await world.signed_in()

    assert not await world.sweep()
    [ended] = await world.events("session.ended")
    assert (ended["data"]["session_id"], ended["reason"]) == (unused.session.id, "expired")
    assert ended["actortype"] == "system"
    await world.check_books()

    world.clock.move(KEEP_ENDED + SECOND)
    world.touch.note(fresh.session.id)
    await world.touch()
    await world.sweep()
    assert [row.id for row in await world.sessions()] == [fresh.session.id]
    await world.check_books(forgotten=frozenset({unused.session.id}))


async def test_a_session_past_its_absolute_time_is_swept_however_much_it_is_used(world: World, alice: str) -> None:
    signed_in = await world.signed_in()
    world.clock.move(ABSOLUTE)
    world.touch.note(signed_in.session.id)
    await world.touch()
    await world.sweep()
    assert len(await world.events("session.ended")) == 1


async def test_a_sweep_leaves_a_session_whose_use_is_not_written_yet(world: World, alice: str) -> None:
    signed_in = await world.signed_in()
    world.clock.move(IDLE - SECOND)
    assert await world.live(signed_in)
    world.clock.move(MINUTE)
    await world.sweep()
    await world.touch()
    assert await world.live(signed_in)


async def test_a_sweep_works_in_bounded_batches(world: World, alice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_sessions, "BATCH", 2)
    for _ in range(3):
        await world.signed_in()
    world.clock.move(IDLE + GRACE)

    assert await world.sweep()
    assert len(await world.events("session.ended")) == 2
    assert not await world.sweep()
    assert len(await world.events("session.ended")) == 3

    world.clock.move(KEEP_ENDED + SECOND)
    assert await world.sweep()
    assert not await world.sweep()
    assert not await world.sessions()


async def test_replicas_that_sweep_at_once_end_each_session_once(world: World, alice: str) -> None:
    for _ in range(10):
        await world.signed_in()
    world.clock.move(IDLE + GRACE)
    await asyncio.gather(*(world.sweep() for _ in range(4)))
    await world.check_books()
    assert len(await world.events("session.ended")) == 10

"""The schema, and how what has ended leaves it."""

from datetime import timedelta

import pytest
from sqlalchemy import insert

from libs.oauth.errors import OAuthError
from services.token.domain.authorization.interaction import Step
from services.token.store import purge
from services.token.store.purge import Purge
from services.token.store.tables import METADATA
from tests.storage.token.world import BROWSER, LIFETIMES, World, asked
from tests.unit.token.parts import MINUTE, SECOND, a_session

TABLES = ("pending_requests", "grants", "codes", "refresh_families")


def test_every_look_that_is_not_by_key_has_its_index() -> None:
    indexed = {
        (name, tuple(index.columns.keys())) for name in METADATA.tables for index in METADATA.tables[name].indexes
    }
    assert {
        ("pending_requests", ("expires_at",)),
        ("grants", ("expires_at",)),
        ("revocations", ("expires_at",)),
        ("grants", ("client_id",)),
        ("grants", ("session_id",)),
        ("logout_deliveries", ("due_at",)),
        ("logout_deliveries", ("expires_at",)),
        ("session_clients", ("expires_at",)),
        ("inbox", ("handled_at",)),
        ("consents", ("client_id",)),
        ("codes", ("grant_id",)),
        ("refresh_families", ("grant_id",)),
        ("clients", ("created_at", "client_id")),
    } <= indexed


async def _sizes(world: World) -> tuple[int, ...]:
    return tuple([len(await world.rows(table)) for table in TABLES])


@pytest.mark.s(62)
async def test_unfinished_requests_are_purged_when_expired(world: World) -> None:
    client = await world.client()
    step = Purge(world.database, clock=world.clock)
    asked(await world.ask(client), Step.SIGN_IN)
    await world.code(client)
    assert await _sizes(world) == (1, 1, 1, 0)
    world.clock.move(10 * MINUTE)
    await step()
    assert await _sizes(world) == (1, 1, 1, 0)
    world.clock.move(SECOND)
    await step()
    assert await _sizes(world) == (0, 1, 1, 0)
    world.clock.move(3 * MINUTE)
    await step()
    assert await _sizes(world) == (0, 0, 0, 0)


@pytest.mark.s(14)
async def test_a_grant_stays_while_anything_of_it_can_be_used_and_a_replay_be_seen(world: World) -> None:
    client = await world.client()
    step = Purge(world.database, clock=world.clock)
    code = await world.code(client, scope="openid offline_access")
    token = (await world.exchange(client, code))["refresh_token"]
    for _ in range(8):
        world.clock.move(timedelta(days=11))
        await step()
        tokens = await world.refresh(client, token)
        token = tokens["refresh_token"]
    world.clock.move(timedelta(days=2) - SECOND)
    tokens = await world.refresh(client, token)
    world.clock.move(LIFETIMES.access_token - SECOND)
    await step()
    await world.get_userinfo(tokens["access_token"])
    with pytest.raises(OAuthError) as refusal:
        await world.exchange(client, code)
    assert refusal.value.reason == "CODE_REPLAYED"
    world.clock.move(MINUTE)
    await step()
    assert await _sizes(world) == (0, 0, 0, 0)


async def test_purging_goes_in_batches_and_says_when_there_is_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge, "BATCH", 2)
    client = await world.client()
    for _ in range(5):
        await world.code(client)
    world.clock.move(60 * MINUTE)
    asked(await world.ask(client), Step.SIGN_IN)
    step = Purge(world.database, clock=world.clock)
    left = []
    while await step():
        left.append(len(await world.rows("grants")))
    assert left == [3, 1]
    assert await _sizes(world) == (1, 0, 0, 0)


async def test_a_remembered_consent_is_not_purged(world: World) -> None:
    client = await world.client(consent="required")
    request_id = asked(await world.ask(client, a_session()), Step.CONSENT)
    await world.resume(request_id, browser_secret=BROWSER, session=a_session(), allow=True)
    await world.purge_everything()
    assert len(await world.rows("consents")) == 1
    assert await _sizes(world) == (0, 0, 0, 0)


async def test_a_code_without_a_grant_cannot_be_kept(world: World) -> None:
    """Foreign keys are on, on SQLite as well."""
    from sqlalchemy.exc import IntegrityError  # noqa: PLC0415 - the only test that needs it

    row = {
        "family_id": "f",
        "grant_id": "unknown",
        "latest_hash": b"h",
        "generation": 1,
        "rotated_at": world.clock.now(),
        "idle_expires_at": world.clock.now(),
        "expires_at": world.clock.now(),
    }
    with pytest.raises(IntegrityError):
        async with world.database.transaction() as session:
            await session.execute(insert(METADATA.tables["refresh_families"]).values(row))

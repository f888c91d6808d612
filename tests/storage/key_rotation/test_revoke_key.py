"""Revocation and early rotation by operators, on real databases."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from libs.oauth.errors import InvalidRequest, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.sql.database import Database
from services.key_rotation.domain.keys import Key, KeyState, RevocationReason
from tests.storage.key_rotation.replicas import NOON, POLICY, Replica, StoppedClock, replica_of, rows, states

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
FLOOR = POLICY.min_announcement
COMPROMISED = RevocationReason.COMPROMISED


async def _kid(replica: Replica, state: KeyState, alg: str = "ES256") -> str:
    (kid,) = [key.kid for key in await replica.list_keys((alg,)) if key.state is state]
    return kid


async def _events_about(database: Database, kid: str) -> list[dict[str, Any]]:
    events = [json.loads(row["envelope"]) for row in await rows(database, "outbox") if row["subject"] == kid]
    return sorted(events, key=lambda event: int(event["subjectseq"]))


@pytest.fixture
async def settled(replica: Replica) -> Replica:
    """A replica two days after the first start."""
    await replica.settle()
    replica.clock.move(2 * DAY)
    return replica


@pytest.mark.s(70)
async def test_revoked_active_key_is_replaced_by_the_next_key_at_once(settled: Replica):
    gone, heir = await _kid(settled, KeyState.ACTIVE), await _kid(settled, KeyState.NEXT)
    done = await settled.revoke(gone, reason=COMPROMISED)
    by_state = {key.state: key for key in done.keys}
    assert (by_state[KeyState.REVOKED].kid, by_state[KeyState.REVOKED].private) == (gone, None)
    assert (by_state[KeyState.ACTIVE].kid, by_state[KeyState.ACTIVE].activates_at) == (heir, settled.clock.at)
    assert by_state[KeyState.NEXT].kid not in {gone, heir}
    assert done.exposed_until == settled.clock.at + POLICY.exposure
    assert gone not in {key.kid for key in await settled.published()}
    delivered = await settled.signing(bytes(31) + b"\x09")
    assert gone not in {key.kid for key in delivered.signing}
    assert heir in {key.kid for key in delivered.signing if key.activates_at == settled.clock.at}


async def test_revocation_event_contains_actor_and_reason(settled: Replica):
    gone, heir = await _kid(settled, KeyState.ACTIVE), await _kid(settled, KeyState.NEXT)
    await settled.revoke(gone, reason=RevocationReason.DRILL)
    event = (await _events_about(settled.database, gone))[-1]
    assert (event["type"], event["actortype"], event["reason"]) == ("latchkey.key.revoked.v1", "admin", "drill")
    assert (await _events_about(settled.database, heir))[-1]["type"] == "latchkey.key.activated.v1"


async def test_revoking_a_next_key_does_not_change_the_active_key(settled: Replica):
    active = await _kid(settled, KeyState.ACTIVE)
    next_key = await _kid(settled, KeyState.NEXT)
    done = await settled.revoke(next_key, reason=COMPROMISED)
    assert {key.kid for key in done.keys if key.state is KeyState.ACTIVE} == {active}
    assert {key.kid for key in done.keys if key.state is KeyState.REVOKED} == {next_key}
    assert [key.state for key in done.keys].count(KeyState.NEXT) == 1


async def test_second_revocation_waits_until_caches_contain_the_next_key(settled: Replica):
    await settled.revoke(await _kid(settled, KeyState.ACTIVE), reason=COMPROMISED)
    settled.clock.move(MINUTE)
    young = await _kid(settled, KeyState.NEXT)
    done = await settled.revoke(await _kid(settled, KeyState.ACTIVE), reason=COMPROMISED)
    waiting = {key.kid: key for key in done.keys}[young]
    assert (waiting.state, waiting.activates_at) == (KeyState.NEXT, settled.clock.at - MINUTE + FLOOR)
    assert young in {key.kid for key in await settled.published()}
    settled.clock.move(FLOOR - MINUTE)
    await settled.settle()
    assert await _kid(settled, KeyState.ACTIVE) == young
    assert sorted(set(await states(settled.database))) == sorted(
        [("ES256", "active"), ("ES256", "next"), ("ES256", "revoked"), ("RS256", "active"), ("RS256", "next")]
    )


@pytest.mark.parametrize(("twice", "reason"), [(False, "KEY_UNKNOWN"), (True, "KEY_REVOKED")])
async def test_revoke_key_is_refused_for_unknown_and_revoked_keys(settled: Replica, twice: bool, reason: str):  # noqa: FBT001
    kid = "unknown"
    if twice:
        kid = await _kid(settled, KeyState.ACTIVE)
        await settled.revoke(kid, reason=COMPROMISED)
    before = await rows(settled.database)
    with pytest.raises(InvalidRequest) as refusal:
        await settled.revoke(kid, reason=COMPROMISED)
    assert refusal.value.reason == reason
    assert await rows(settled.database) == before


async def test_revoked_retired_key_has_no_exposure(settled: Replica):
    kid = await _kid(settled, KeyState.ACTIVE)
    await settled.rotate("ES256")
    settled.clock.move(POLICY.retention(DAY))
    await settled.settle()
    done = await settled.revoke(kid, reason=COMPROMISED)
    assert done.exposed_until is None


async def test_key_is_revoked_when_the_new_next_key_cannot_be_created(database: Database, settled: Replica):
    async def unavailable(alg: str) -> Any:
        raise TemporarilyUnavailable(reason=Reason.DATABASE_UNAVAILABLE)

    broken = Replica(database, clock=settled.clock, generate=unavailable)
    kid = await _kid(settled, KeyState.ACTIVE)
    done = await broken.revoke(kid, reason=COMPROMISED)
    assert {key.state for key in done.keys} == {KeyState.REVOKED, KeyState.ACTIVE}
    await settled.settle()
    assert await _kid(settled, KeyState.NEXT)


async def test_concurrent_revocations_and_rotation_revoke_once(url: str, settled: Replica):
    kid = await _kid(settled, KeyState.ACTIVE)
    settled.clock.move(POLICY.period - 2 * DAY)
    async with replica_of(url, clock=settled.clock) as other:
        answers = await asyncio.gather(
            settled.revoke(kid, reason=COMPROMISED),
            other.revoke(kid, reason=COMPROMISED),
            other.advance.settle(),
            return_exceptions=True,
        )
        assert sum(isinstance(answer, InvalidRequest) for answer in answers) == 1
        assert not [
            answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, InvalidRequest)
        ]
        await other.settle()
    own = [state for alg, state in await states(settled.database) if alg == "ES256"]
    assert sorted(own) == ["active", "next", "revoked"]
    assert [event["type"] for event in await _events_about(settled.database, kid)].count("latchkey.key.revoked.v1") == 1


async def _signs(replica: Replica) -> dict[str, Key]:
    return {key.alg: key for key in await replica.list_keys() if key.state is KeyState.ACTIVE}


async def test_rotate_keys_activates_the_next_key_now(settled: Replica):
    before = await _signs(settled)
    heir = await _kid(settled, KeyState.NEXT)
    keys = await settled.rotate("ES256")
    assert [(key.alg, key.state.value) for key in keys] == [("ES256", "active"), ("ES256", "next")]
    after = await _signs(settled)
    assert (after["ES256"].kid, after["ES256"].activates_at) == (heir, settled.clock.at)
    assert after["RS256"] == before["RS256"]
    assert (await _events_about(settled.database, heir))[-1]["type"] == "latchkey.key.activated.v1"


async def test_rotate_keys_waits_for_the_full_announcement(settled: Replica):
    await settled.rotate()
    settled.clock.move(MINUTE)
    keys = {key.state: key for key in await settled.rotate("ES256")}
    assert keys[KeyState.NEXT].activates_at == settled.clock.at - MINUTE + POLICY.announcement
    settled.clock.move(POLICY.announcement - MINUTE)
    await settled.settle()
    assert (await _signs(settled))["ES256"].kid == keys[KeyState.NEXT].kid


async def test_rotate_keys_is_refused_for_an_unknown_algorithm(settled: Replica):
    with pytest.raises(InvalidRequest) as refusal:
        await settled.rotate("HS256")
    assert refusal.value.reason == "ALG_UNKNOWN"


async def test_rotate_keys_after_the_first_start_schedules_the_next_key(replica: Replica):
    await replica.ensure()
    keys = {key.state: key for key in await replica.rotate("RS256")}
    assert keys[KeyState.NEXT].activates_at == NOON + POLICY.announcement
    assert isinstance(replica.clock, StoppedClock)

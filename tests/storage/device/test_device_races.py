"""Concurrent calls at several replicas: each state change succeeds once."""

import asyncio

import pytest

from libs.oauth.errors import AccessDenied, InvalidGrant, InvalidRequest
from tests.storage.device.world import Replica, World


@pytest.mark.s(34)
async def test_concurrent_redeem_succeeds_for_one_caller(world: World, here: Replica) -> None:
    codes = await here.create()
    await here.decide(codes)
    replicas = [here, world.replica()]
    outcomes = await asyncio.gather(
        *(replicas[number % 2].redeem(codes) for number in range(8)), return_exceptions=True
    )
    assert outcomes.count(None) == 1
    lost = [outcome for outcome in outcomes if outcome is not None]
    assert {type(outcome) for outcome in lost} == {InvalidGrant}
    assert {outcome.reason for outcome in lost if isinstance(outcome, InvalidGrant)} == {"DEVICE_CODE_SPENT"}
    assert (await world.event_names()).count("device.redeemed") == 1


@pytest.mark.s(34)
async def test_concurrent_approval_and_denial_store_one_decision(world: World, here: Replica) -> None:
    there = world.replica()
    for _ in range(4):
        codes = await here.create(client_id="c_tv")
        outcomes = await asyncio.gather(here.decide(codes), there.decide(codes, allow=False), return_exceptions=True)
        assert outcomes.count(None) == 1
        assert {type(outcome) for outcome in outcomes if outcome is not None} == {InvalidRequest}
        if outcomes[0] is None:
            await here.poll(codes)
        else:
            with pytest.raises(AccessDenied):
                await here.poll(codes)
        world.clock.move(6 * (codes.interval * 10))  # the second decision is counted as a wrong code
    emitted = await world.event_names()
    assert emitted.count("device.approved") + emitted.count("device.denied") == 4


async def test_concurrent_sweeps_emit_expired_event_once(world: World, here: Replica) -> None:
    for _ in range(3):
        codes = await here.create()
    world.clock.move(codes.lifetime)
    replicas = [here, *(world.replica() for _ in range(3))]
    await asyncio.gather(*(replica.sweep() for replica in replicas))
    assert (await world.event_names()).count("device.expired") == 3

"""What happens once happens once, whoever else tries at the same time."""

import asyncio

import pytest

from libs.oauth.errors import AccessDenied, InvalidGrant, InvalidRequest
from tests.storage.device.world import Replica, World


@pytest.mark.s(34)
async def test_of_eight_redeemers_at_once_one_wins(world: World, here: Replica) -> None:
    codes = await here.ask()
    await here.decide(codes)
    replicas = [here, world.replica()]
    outcomes = await asyncio.gather(
        *(replicas[number % 2].redeem(codes) for number in range(8)), return_exceptions=True
    )
    assert outcomes.count(None) == 1
    lost = [outcome for outcome in outcomes if outcome is not None]
    assert {type(outcome) for outcome in lost} == {InvalidGrant}
    assert {outcome.reason for outcome in lost if isinstance(outcome, InvalidGrant)} == {"DEVICE_CODE_SPENT"}
    assert (await world.told()).count("device.redeemed") == 1


@pytest.mark.s(34)
async def test_of_a_yes_and_a_no_at_once_one_counts(world: World, here: Replica) -> None:
    there = world.replica()
    for _ in range(4):
        codes = await here.ask(client_id="c_tv")
        outcomes = await asyncio.gather(here.decide(codes), there.decide(codes, allow=False), return_exceptions=True)
        assert outcomes.count(None) == 1
        assert {type(outcome) for outcome in outcomes if outcome is not None} == {InvalidRequest}
        if outcomes[0] is None:
            await here.poll(codes)
        else:
            with pytest.raises(AccessDenied):
                await here.poll(codes)
        world.clock.move(6 * (codes.interval * 10))  # the loser's try counts as a wrong code
    told = await world.told()
    assert told.count("device.approved") + told.count("device.denied") == 4


async def test_a_code_expires_once_however_many_sweep(world: World, here: Replica) -> None:
    for _ in range(3):
        codes = await here.ask()
    world.clock.move(codes.lifetime)
    replicas = [here, *(world.replica() for _ in range(3))]
    await asyncio.gather(*(replica.sweep() for replica in replicas))
    assert (await world.told()).count("device.expired") == 3

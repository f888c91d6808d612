"""All replicas count into the same rows; uses older than a month are deleted."""

import asyncio
from datetime import timedelta

from services.token.domain.tokens.retired_keys import KEPT_FOR, PresentedAs, RetiredKeyUse
from services.token.store.purge import Purge
from services.token.usecases.tokens.list_retired_key_uses import ListRetiredKeyUses
from tests.storage.token.world import World

HOUR = timedelta(hours=1)


def _use(world: World, client_id: str, *, count: int = 1, later: timedelta = timedelta(0)) -> RetiredKeyUse:
    now = world.clock.now()
    return RetiredKeyUse(client_id, "kid", PresentedAs.USERINFO, count, first_at=now + later, last_at=now + later)


async def _add(world: World, *uses: RetiredKeyUse) -> None:
    async with world.work() as work:
        await work.retired_key_uses.add(uses)


async def _listed(world: World) -> list[tuple[str, int]]:
    return [(use.client_id, use.count) for use in await ListRetiredKeyUses(view=world.work.reading)()]


async def test_replicas_count_on_from_each_other(world: World):
    first, second = _use(world, "a", count=2), _use(world, "a", count=3, later=HOUR)
    await asyncio.gather(_add(world, second, _use(world, "b")), _add(world, _use(world, "b"), first))
    assert sorted(await _listed(world)) == [("a", 5), ("b", 2)]
    (latest, *_) = await ListRetiredKeyUses(view=world.work.reading)()
    assert (latest.client_id, latest.last_at) == ("a", second.last_at)


async def test_a_count_that_comes_late_takes_nothing_back(world: World):
    await _add(world, _use(world, "a", later=HOUR))
    await _add(world, _use(world, "a"))
    (use,) = await ListRetiredKeyUses(view=world.work.reading)()
    assert (use.count, use.last_at) == (2, world.clock.now() + HOUR)


async def test_more_than_one_batch_is_written(world: World):
    await _add(world, *(_use(world, f"client {number}") for number in range(501)))
    assert len(await _listed(world)) == 500


async def test_retired_key_uses_are_purged_after_30_days(world: World):
    await _add(world, _use(world, "a"), _use(world, "b", later=HOUR))
    world.clock.move(KEPT_FOR + timedelta(seconds=1))
    await Purge(world.database, clock=world.clock)()
    assert await _listed(world) == [("b", 1)]

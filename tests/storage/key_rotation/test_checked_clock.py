"""Rotation stops on a replica whose clock is wrong, because it could retire keys that are still needed."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.sql.database import Database
from services.key_rotation.domain.rotation_policy import CLOCK_ERROR
from services.key_rotation.store.checked_clock import CheckedClock
from tests.storage.key_rotation.replicas import Replica, states

SLACK = timedelta(minutes=1)
"""Longer than a test runs."""


class OffClock:
    def __init__(self, error: timedelta) -> None:
        self.error = error

    def now(self) -> datetime:
        return datetime.now(UTC) + self.error


@pytest.mark.s(64)
@pytest.mark.parametrize("direction", [1, -1], ids=["ahead", "behind"])
async def test_rotation_stops_when_the_clock_error_exceeds_the_limit(database: Database, direction: int):
    off = OffClock(direction * (CLOCK_ERROR + SLACK))
    clock = CheckedClock(off, database)
    await clock.compare()
    if database.is_sqlite:
        assert (await clock.check()).ok  # one machine, one clock
        return
    replica = Replica(database, clock=clock)
    with pytest.raises(TemporarilyUnavailable) as refusal:
        await replica.advance()
    assert refusal.value.reason == "CLOCK_WRONG"
    assert await states(database) == []
    check = await clock.check()
    assert (check.ok, check.required) == (False, True)

    off.error = timedelta(0)
    await clock.compare()
    await replica.settle()
    assert len(await states(database)) == 4
    assert (await clock.check()).ok


@pytest.mark.parametrize("direction", [1, -1], ids=["ahead", "behind"])
async def test_rotation_works_when_the_clock_error_is_within_the_limit(database: Database, direction: int):
    clock = CheckedClock(OffClock(direction * (CLOCK_ERROR - SLACK)), database)
    await clock.compare()
    assert (await clock.check()).ok
    await Replica(database, clock=clock).settle()
    assert len(await states(database)) == 4

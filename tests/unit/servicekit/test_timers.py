import asyncio

import pytest

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base.timers import every


async def test_step_repeats_at_once_while_it_returns_true() -> None:
    steps = 0

    async def step() -> bool:
        nonlocal steps
        steps += 1
        return steps < 3

    task = asyncio.create_task(every(3600, "test", step)())
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    assert steps == 3


@pytest.mark.parametrize("failure", [TemporarilyUnavailable(reason=Reason.DATABASE_UNAVAILABLE), RuntimeError("a bug")])
async def test_failed_step_runs_again(failure: Exception) -> None:
    tried = asyncio.Event()
    attempts = 0

    async def step() -> bool:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise failure
        tried.set()
        return False

    task = asyncio.create_task(every(0, "test", step)())
    await asyncio.wait_for(tried.wait(), 5)
    task.cancel()
    assert attempts >= 2

"""Periodic background tasks."""

import asyncio
from collections.abc import Awaitable, Callable

from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base import logs
from libs.servicekit.base.service import Task

_log = logs.get(__name__)


def every(seconds: float, name: str, step: Callable[[], Awaitable[bool | None]]) -> Task:
    """Return a task that runs `step` every `seconds`, and again at once if it returns True for more work.

    A step that fails runs again after the interval: an unavailable database must not stop the service.
    """

    async def run() -> None:
        while True:
            more: bool | None = False
            try:
                more = await step()
            except TemporarilyUnavailable as error:
                _log.info(
                    "task.skipped",
                    message="Background task skipped: dependency unavailable",
                    task=name,
                    reason=error.reason,
                )
            except Exception:  # noqa: BLE001 - the task must go on after any failure
                _log.exception("task.failed", message="Background task failed", task=name)
            await asyncio.sleep(0 if more else seconds)

    return run

"""Housekeeping that goes on whatever else does."""

import asyncio
from collections.abc import Awaitable, Callable

from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base import logs
from libs.servicekit.base.service import Task

_log = logs.get(__name__)


def every(seconds: float, name: str, step: Callable[[], Awaitable[bool | None]]) -> Task:
    """A task that runs `step` every so often, and again at once while it says that there is more to do.

    A step that fails is tried again the next time: a database that is away must not take the service with it.
    """

    async def run() -> None:
        while True:
            more: bool | None = False
            try:
                more = await step()
            except TemporarilyUnavailable as error:
                _log.info("Housekeeping waits", task=name, reason=error.reason)
            except Exception:  # noqa: BLE001 - see above
                _log.exception("Housekeeping failed", task=name)
            await asyncio.sleep(0 if more else seconds)

    return run

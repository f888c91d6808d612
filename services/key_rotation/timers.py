"""What goes on whatever else does."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit import logs

_log = logs.get(__name__)


def every(seconds: float, name: str, step: Callable[[], Awaitable[None]]) -> Callable[[], Coroutine[None, None, None]]:
    """A task that runs `step` every so often. A database that is away must not take the service with it."""

    async def run() -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await step()
            except TemporarilyUnavailable as error:
                _log.info("Housekeeping waits", task=name, reason=error.reason)

    return run

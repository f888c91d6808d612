"""The re-fetch loop ends when it is told to, whatever comes at the same moment."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from nats.errors import ConnectionClosedError

from latchkey_sdk.connection import Connection
from latchkey_sdk.consumer import ConsumerSpec, starting
from latchkey_sdk.pull import Puller
from tests.unit.sdk.bus import NatsServer, Publisher

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Step = Callable[[], Coroutine[Any, Any, Any]]


async def an_answer() -> None:
    """What asyncio.wait_for makes of a cancellation that comes with the answer (until Python 3.12)."""


async def an_error() -> None:
    """What the client makes of a cancellation while its connection is being closed."""
    raise ConnectionClosedError


@pytest.mark.parametrize("comes", [an_answer, an_error])
@pytest.mark.parametrize("step", ["_request", "_listen", "_ensure_consumer"])
async def test_it_stops_though_something_else_comes_at_the_same_moment(
    server: NatsServer, publisher: Publisher, step: str, comes: Step
) -> None:
    async with a_puller(server.url) as puller:
        reached = _cancelled_within(puller, step, comes)
        # It comes by at every step: the consumer is gone, and requests have to be made.
        await publisher.jetstream.delete_consumer("LATCHKEY_EVENTS", "crm")
        puller.request_again()
        async with asyncio.timeout(20):
            await reached.wait()
        async with asyncio.timeout(3):
            await puller.stop()
        assert puller._running
        assert puller._running.cancelled()


@asynccontextmanager
async def a_puller(url: str) -> AsyncIterator[Puller]:
    connection = Connection(servers=url, creds=None, inbox_prefix=None, on_reconnect=lambda: None)
    await connection.open(timeout=20)
    wanted = ConsumerSpec(
        stream="LATCHKEY_EVENTS",
        name="crm",
        durable=True,
        subject="latchkey.v1.login.>",
        start=starting(None, now=NOW),
    )
    puller = Puller(connection, wanted, asyncio.Queue(), heartbeat=0.2)
    try:
        await puller.start()
        yield puller
    finally:
        await connection.close()


def _cancelled_within(puller: Puller, step: str, comes: Step) -> asyncio.Event:
    """The next time that the loop comes to the step it is told to end there, and forgets it."""
    reached, original = asyncio.Event(), getattr(puller, step)

    async def told_to_end() -> Any:
        setattr(puller, step, original)
        result = await original()
        reached.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await comes()
        return result

    setattr(puller, step, told_to_end)
    return reached

"""The pull loop stops when it is cancelled, also if the cancellation is swallowed."""

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
    """Swallow the cancellation, as asyncio.wait_for does if it comes with the response (until Python 3.12)."""


async def an_error() -> None:
    """Turn the cancellation into an error, as the client does while its connection is being closed."""
    raise ConnectionClosedError


@pytest.mark.parametrize("comes", [an_answer, an_error])
@pytest.mark.parametrize("step", ["_request", "_listen", "_ensure_consumer"])
async def test_puller_stops_when_the_cancellation_is_swallowed(
    server: NatsServer, publisher: Publisher, step: str, comes: Step
) -> None:
    async with a_puller(server.url) as puller:
        reached = _cancelled_within(puller, step, comes)
        # The loop runs through every step: the consumer is gone, and requests are made.
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
    spec = ConsumerSpec(
        stream="LATCHKEY_EVENTS",
        name="crm",
        durable=True,
        subject="latchkey.v1.login.>",
        start=starting(None, now=NOW),
    )
    puller = Puller(connection, spec, asyncio.Queue(), heartbeat=0.2)
    try:
        await puller.start()
        yield puller
    finally:
        await connection.close()


def _cancelled_within(puller: Puller, step: str, comes: Step) -> asyncio.Event:
    """Cancel the loop at this step and swallow the cancellation."""
    reached, original = asyncio.Event(), getattr(puller, step)

    async def cancelled_step() -> Any:
        setattr(puller, step, original)
        result = await original()
        reached.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await comes()
        return result

    setattr(puller, step, cancelled_step)
    return reached

"""JetStream for operators: what is stored, who reads it, and how far they are."""

import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from latchkey_sdk import AccessRefused, LatchkeyError
from latchkey_sdk.connection import Connection as BusConnection
from libs.cli.connection import Connection
from libs.cli.errors import CliError

EVENTS, TOKENS, DEAD_LETTERS = "LATCHKEY_EVENTS", "LATCHKEY_TOKENS", "LATCHKEY_DLQ"
CONNECT_SECONDS = 3.0
_BATCH = 256
_FETCH_SECONDS = 5.0
_ABANDONED_SECONDS = 60.0


@asynccontextmanager
async def operating(found: Connection) -> AsyncIterator[JetStreamContext]:
    """The bus, as the operator.

    Raises:
        CliError: it is not known where it is, it does not answer, or it does not permit this.
    """
    if not found.nats_url:
        raise CliError(f"{found.source} does not say where NATS is: set LATCHKEY_NATS_URL and LATCHKEY_NATS_CREDS")
    connection = BusConnection(
        servers=found.nats_url, creds=found.nats_creds, inbox_prefix=None, on_reconnect=lambda: None
    )
    try:
        await connection.open(timeout=CONNECT_SECONDS)
        yield connection.jetstream
    except LatchkeyError as error:
        raise told(error, found) from None
    except (NatsError, TimeoutError) as error:
        refusal = connection.failed.result() if connection.failed.done() else error
        raise told(refusal, found) from None
    finally:
        await connection.close()


def told(error: Exception, found: Connection) -> CliError:
    code = "access_refused" if isinstance(error, AccessRefused) else "unreachable"
    return CliError(f"{str(error) or type(error).__name__} (from {found.source})", code=code)


async def stored(
    jetstream: JetStreamContext, stream: str, *, subject: str | None = None, start: dict[str, Any] | None = None
) -> AsyncGenerator[Msg, None]:
    """What the stream has at this moment, from `start` on, in its order. Nothing stays behind on the server."""
    made = await jetstream.add_consumer(
        stream,
        ConsumerConfig(
            name=f"cli-{uuid.uuid4().hex}",
            filter_subject=subject,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=_ABANDONED_SECONDS,
            mem_storage=True,
            **(start or {"deliver_policy": DeliverPolicy.ALL}),
        ),
    )
    try:
        left = made.num_pending or 0
        pull = await jetstream.pull_subscribe_bind(made.name, stream=stream)
        while left > 0:
            for message in await pull.fetch(min(_BATCH, left), timeout=_FETCH_SECONDS):
                left -= 1
                yield message
    finally:
        await jetstream.delete_consumer(stream, made.name)

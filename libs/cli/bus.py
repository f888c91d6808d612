"""JetStream access for operators."""

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
    """Connects to NATS with the operator's credentials.

    Raises:
        CliError: the NATS URL is unknown, NATS does not respond, or it refuses the credentials.
    """
    if not found.nats_url:
        raise CliError(f"{found.source} has no NATS URL: set LATCHKEY_NATS_URL and LATCHKEY_NATS_CREDS")
    connection = BusConnection(
        servers=found.nats_url, creds=found.nats_creds, inbox_prefix=None, on_reconnect=lambda: None
    )
    try:
        await connection.open(timeout=CONNECT_SECONDS)
        yield connection.jetstream
    except LatchkeyError as error:
        raise cli_error(error, found) from None
    except (NatsError, TimeoutError) as error:
        refusal = connection.failed.result() if connection.failed.done() else error
        raise cli_error(refusal, found) from None
    finally:
        await connection.close()


def cli_error(error: Exception, found: Connection) -> CliError:
    code = "access_refused" if isinstance(error, AccessRefused) else "unreachable"
    return CliError(f"{str(error) or type(error).__name__} (from {found.source})", code=code)


async def stored(
    jetstream: JetStreamContext, stream: str, *, subject: str | None = None, start: dict[str, Any] | None = None
) -> AsyncGenerator[Msg, None]:
    """The messages that a stream has now, from `start` on, in order. Its temporary consumer is deleted at the end."""
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

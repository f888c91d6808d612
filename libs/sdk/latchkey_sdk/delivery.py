"""One delivery of an event by JetStream."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime
from typing import Final

from nats import errors as nats_errors
from nats.aio.msg import Msg

from latchkey_sdk.cancellation import stay_cancelled, times_cancelled
from latchkey_sdk.errors import BusUnreachable

MAX_DELAY_SECONDS: Final = 60.0
_CONFIRMATION_SECONDS: Final = 2.0
_PAUSES: Final = (0.1, 0.25, 0.5, 1.0, 2.0)


class Delivery:
    """A message with its position. It is settled once: acknowledged, refused or rejected."""

    def __init__(self, message: Msg) -> None:
        self._message = message
        self.settled = False

    @property
    def payload(self) -> bytes:
        return self._message.data

    @property
    def subject(self) -> str:
        return self._message.subject

    @property
    def sequence(self) -> int:
        """Position in the stream."""
        return int(self._message.metadata.sequence.stream)

    @property
    def stored_at(self) -> datetime:
        """When the stream stored it, by the clock of the server."""
        return self._message.metadata.timestamp

    @property
    def attempt(self) -> int:
        """Number of deliveries of the event, including this one."""
        return self._message.metadata.num_delivered or 1

    async def ack(self) -> None:
        """Acknowledge the event and wait for the confirmation, also across a restart of the server.

        An unconfirmed acknowledgement can be lost in a restart; the event would block later events until redelivery.

        Raises:
            BusUnreachable: the connection is closed; the event will be delivered again.
        """
        pauses = iter(_PAUSES)
        while not self.settled:
            try:
                await _unless_cancelled(self._message.ack_sync(timeout=_CONFIRMATION_SECONDS))
                self.settled = True
            except nats_errors.NoRespondersError:
                # The cluster elects a leader, or the consumer was removed and there is nothing to acknowledge.
                pause = next(pauses, None)
                if pause is None:
                    return
                await asyncio.sleep(pause)
            except nats_errors.TimeoutError:
                continue
            except nats_errors.ConnectionClosedError:
                raise BusUnreachable("the connection closed before the event was acknowledged") from None

    async def nak(self, delay: float | None = None) -> None:
        """Request redelivery after `delay` seconds; default: 1, 2, 4, ... at most 60 seconds."""
        if not self.settled:
            backoff = min(2.0 ** min(self.attempt - 1, 10), MAX_DELAY_SECONDS)
            await self._message.nak(delay=backoff if delay is None else delay)
            self.settled = True

    async def reject(self) -> None:
        """Stop redelivery of a malformed message."""
        await self._message.term()
        self.settled = True

    def void(self) -> None:
        """Mark as settled without a message to the server, which has lost or redelivered it."""
        self.settled = True

    async def in_progress(self) -> None:
        """Extend the acknowledgement deadline."""
        if not self.settled:
            await self._message.in_progress()


async def _unless_cancelled(work: Awaitable[object]) -> None:
    """Await it, without losing a cancellation that comes together with the response."""
    before = times_cancelled()
    await work
    stay_cancelled(before=before)

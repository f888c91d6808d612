"""One hand-over of an event by JetStream, to be settled once."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime
from typing import Final

from nats import errors as nats_errors
from nats.aio.msg import Msg

from latchkey_sdk.cancellation import stay_cancelled, times_cancelled
from latchkey_sdk.errors import BusUnreachable

LONGEST_DELAY_SECONDS: Final = 60.0
_CONFIRMATION_SECONDS: Final = 2.0
_PAUSES: Final = (0.1, 0.25, 0.5, 1.0, 2.0)


class Delivery:
    """A message with its position, and the words that settle it. The first word counts."""

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
        """When the stream took it, by the server's clock."""
        return self._message.metadata.timestamp

    @property
    def attempt(self) -> int:
        """How often the event was offered, this time included."""
        return self._message.metadata.num_delivered or 1

    async def ack(self) -> None:
        """Handled; returns when the server knows it, also when it has to come back for that.

        An acknowledgement that nobody confirms would be lost with a server that restarts, and the event would hold up
        those behind it until the server offers it again.

        Raises:
            BusUnreachable: the connection is closed; the event will be offered again.
        """
        pauses = iter(_PAUSES)
        while not self.settled:
            try:
                await _unless_cancelled(self._message.ack_sync(timeout=_CONFIRMATION_SECONDS))
                self.settled = True
            except nats_errors.NoRespondersError:
                # A cluster choosing a leader, or a consumer that was removed: then nothing is left to acknowledge.
                pause = next(pauses, None)
                if pause is None:
                    return
                await asyncio.sleep(pause)
            except nats_errors.TimeoutError:
                continue
            except nats_errors.ConnectionClosedError:
                raise BusUnreachable("the connection closed before the event was acknowledged") from None

    async def nak(self, delay: float | None = None) -> None:
        """Not handled: once more after `delay` seconds, by default after 1, 2, 4, ... at most 60."""
        if not self.settled:
            backoff = min(2.0 ** min(self.attempt - 1, 10), LONGEST_DELAY_SECONDS)
            await self._message.nak(delay=backoff if delay is None else delay)
            self.settled = True

    async def reject(self) -> None:
        """Cannot be handled by anybody: never again."""
        await self._message.term()
        self.settled = True

    def void(self) -> None:
        """The server knows no more of it, and would never confirm a word about it: it is gone, or has gone back."""
        self.settled = True

    async def still_at_it(self) -> None:
        """Takes longer: the server waits on."""
        if not self.settled:
            await self._message.in_progress()


async def _unless_cancelled(work: Awaitable[object]) -> None:
    """Awaits it; a cancellation that comes together with the answer counts."""
    before = times_cancelled()
    await work
    stay_cancelled(before=before)

"""What other replicas decided, heard on the bus: it wakes the polls that wait here."""

import json
from collections.abc import Awaitable, Callable

from services.device.adapters.waiting_polls import WaitingRoom

DECISIONS = ("latchkey.v1.device.approved.*", "latchkey.v1.device.denied.*")


def wake(room: WaitingRoom) -> Callable[[bytes], Awaitable[None]]:
    """Takes envelopes. A wrong or repeated one costs a look at the database: nothing is believed but what is there."""

    async def on_event(envelope: bytes) -> None:
        try:
            room.call(str(json.loads(envelope)["correlationid"]))
        except (ValueError, KeyError, TypeError):
            return

    return on_event

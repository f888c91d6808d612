"""Events about decisions of other replicas wake the polls that wait in this process."""

import json
from collections.abc import Awaitable, Callable

from services.device.adapters.waiting_polls import WaitingPolls

SUBJECTS = ("latchkey.v1.device.approved.*", "latchkey.v1.device.denied.*")


def wake_waiting_polls(waiting_polls: WaitingPolls) -> Callable[[bytes], Awaitable[None]]:
    """Return a handler for event envelopes. A woken poll reads the database, so a forged event changes no result."""

    async def on_event(envelope: bytes) -> None:
        try:
            waiting_polls.wake(str(json.loads(envelope)["correlationid"]))
        except (ValueError, KeyError, TypeError):
            return

    return on_event

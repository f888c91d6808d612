"""Live events from NATS: the feed keeps the latest ones and passes them to every open page."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from latchkey_sdk import Event, subscribe
from latchkey_sdk.errors import LatchkeyError

_KEPT = 50
_RETRY_SECONDS = 1.0
_UNREAD = 200
"""Maximum of unread events of a page. Its stream is then closed; the page reconnects and gets the latest events."""

_log = logging.getLogger(__name__)


class EventFeed:
    """Subscribes to both event streams while the playground runs."""

    def __init__(self, nats_url: str, creds: Path | None) -> None:
        self.recent: deque[Event] = deque(maxlen=_KEPT)
        """The last events, oldest first."""
        self.trouble: str = "connecting to NATS"
        """Why the feed receives no events; empty while it is connected."""
        self._nats_url = nats_url
        self._creds = creds
        self._listeners: set[asyncio.Queue[Event | None]] = set()
        self._latest: datetime | None = None

    async def follow(self) -> None:
        """Receive events until cancelled. Retries while NATS is unavailable or has no streams."""
        while True:
            try:
                # After a failure, resume at the latest event; take() removes duplicates by event id.
                async with subscribe(servers=self._nats_url, creds=self._creds, since=self._latest) as events:
                    self.trouble = ""
                    async for event in events:
                        self.take(event)
            except LatchkeyError as error:
                if str(error) != self.trouble:
                    _log.warning("No events for now: %s", error)
                self.trouble = str(error)
                await asyncio.sleep(_RETRY_SECONDS)

    def take(self, event: Event) -> None:
        """Keep an event and pass it to the open pages. Ignores duplicates."""
        if any(known.id == event.id for known in self.recent):
            return
        self.recent.append(event)
        self._latest = max(event.time, self._latest or event.time)
        for listener in list(self._listeners):
            if listener.qsize() >= _UNREAD:
                self._dismiss(listener)
            else:
                listener.put_nowait(event)

    @contextmanager
    def listen(self) -> Iterator[asyncio.Queue[Event | None]]:
        """A queue that begins with the kept events and goes on with the new ones; None ends it."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        for event in self.recent:
            queue.put_nowait(event)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    def close(self) -> None:
        """End every page's stream, so that the server can stop at once."""
        for listener in list(self._listeners):
            self._dismiss(listener)

    def _dismiss(self, listener: asyncio.Queue[Event | None]) -> None:
        self._listeners.discard(listener)
        listener.put_nowait(None)

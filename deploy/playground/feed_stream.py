"""The event feed as server-sent events, one stream for each open page."""

import asyncio
from contextlib import suppress

from aiohttp import web

from deploy.playground.event_feed import EventFeed
from deploy.playground.pages import Pages

_TICK_SECONDS = 5.0


class FeedStream:
    """Sends each event as HTML, and the state of the feed every few seconds."""

    def __init__(self, feed: EventFeed, pages: Pages) -> None:
        self._feed = feed
        self._pages = pages

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Stream until the page is closed or the playground stops."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        with self._feed.listen() as events, suppress(ConnectionError):  # the page was closed
            await response.write(_message("state", self._feed.trouble))
            while True:
                try:
                    async with asyncio.timeout(_TICK_SECONDS):
                        event = await events.get()
                except TimeoutError:
                    await response.write(_message("state", self._feed.trouble))
                    continue
                if event is None:
                    break
                await response.write(_message("event", self._pages.event(event)))
        return response


def _message(kind: str, text: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {kind}\n{lines}\n".encode()

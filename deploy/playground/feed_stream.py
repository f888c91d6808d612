"""The event feed as server-sent events: one stream for every open page."""

import asyncio
from contextlib import suppress

from aiohttp import web

from deploy.playground.event_feed import EventFeed
from deploy.playground.pages import Pages

_TICK_SECONDS = 5.0


class FeedStream:
    """Pushes each event as the piece of the page that shows it, and now and then whether events come at all."""

    def __init__(self, feed: EventFeed, pages: Pages) -> None:
        self._feed = feed
        self._pages = pages

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Stream until the page or the playground goes away."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        with self._feed.listen() as events, suppress(ConnectionError):  # a page that is closed says nothing
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
                await response.write(_message("fact", self._pages.event(event)))
        return response


def _message(kind: str, text: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {kind}\n{lines}\n".encode()

"""Events from a real nats-server to the page."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from deploy.playground.event_feed import EventFeed
from latchkey_sdk import Event
from tests.unit.playground.running import a_playground, running
from tests.unit.sdk.bus import NatsServer, Publisher, an_envelope, publisher_for, until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def publisher(server: NatsServer) -> AsyncIterator[Publisher]:
    async with publisher_for(server.url) as publisher:
        yield publisher


class Stream:
    """The messages that a page receives from /feed."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []

    async def receive(self, lines: AsyncIterator[str]) -> None:
        kind, data = "", []
        async for line in lines:
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                data.append(line.removeprefix("data: "))
            elif not line:
                self.messages.append((kind, "\n".join(data)))
                data = []

    @property
    def events(self) -> list[str]:
        return [
            found for kind, text in self.messages if kind == "event" for found in re.findall(r'id="event-(.+?)"', text)
        ]


@asynccontextmanager
async def listening(address: str) -> AsyncIterator[Stream]:
    stream = Stream()
    async with httpx2.AsyncClient(trust_env=False) as client, client.stream("GET", f"{address}/feed") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        receiving = asyncio.create_task(stream.receive(answer.aiter_lines()))
        try:
            yield stream
        finally:
            receiving.cancel()
            await asyncio.wait({receiving})


async def test_event_is_shown_on_open_and_new_pages(server: NatsServer, publisher: Publisher) -> None:
    await publisher.make_streams()
    await publisher.event("login.failed")
    playground = a_playground("http://localhost:1", nats_url=server.url)
    async with running(playground) as feed, listening(playground.address) as stream:
        await until(lambda: not feed.trouble)
        event = await publisher.event("login.succeeded")
        telemetry = await publisher.event("token.issued")
        await until(lambda: len(stream.events) == 2)
        async with httpx2.AsyncClient(trust_env=False) as client:
            page = (await client.get(playground.address)).text
    assert set(stream.events) == {event, telemetry}
    assert "A user signed in." in page
    assert 'data-event="login.failed"' not in page


async def test_event_feed_resumes_after_nats_was_unavailable(server: NatsServer, publisher: Publisher) -> None:
    await publisher.make_streams()
    playground = a_playground("http://localhost:1", nats_url=server.url)
    async with running(playground) as feed, listening(playground.address) as stream:
        await until(lambda: not feed.trouble)
        await publisher.event("login.succeeded", id="before")
        await until(lambda: stream.events == ["before"])
        server.stop()
        await until(lambda: not publisher.client.is_connected)
        server.start()
        await until(lambda: publisher.client.is_connected)
        await publisher.event("login.succeeded", id="after")
        await until(lambda: stream.events == ["before", "after"])


async def test_event_feed_retries_until_nats_has_streams(server: NatsServer, publisher: Publisher) -> None:
    playground = a_playground("http://localhost:1", nats_url=server.url)
    async with running(playground) as feed:
        await until(lambda: "no stream" in feed.trouble)
        await publisher.make_streams()
        await until(lambda: not feed.trouble)


async def test_new_page_shows_recent_events() -> None:
    feed = EventFeed("nats://127.0.0.1:9", None)
    for number in range(60):
        feed.take(an_event(f"event-{number}"))
    with feed.listen() as queue:
        kept = [queue.get_nowait() for _ in range(queue.qsize())]
    assert [event.id for event in kept if event] == [f"event-{number}" for number in range(10, 60)]


async def test_duplicate_event_is_shown_once() -> None:
    feed = EventFeed("nats://127.0.0.1:9", None)
    feed.take(an_event("one"))
    feed.take(an_event("one"))
    assert len(feed.recent) == 1


async def test_event_feed_closes_slow_page() -> None:
    feed = EventFeed("nats://127.0.0.1:9", None)
    with feed.listen() as queue:
        for number in range(300):
            feed.take(an_event(f"event-{number}"))
        received = [queue.get_nowait() for _ in range(queue.qsize())]
    assert received[-1] is None
    assert len(received) < 250


def an_event(identifier: str) -> Event:
    return Event.from_json(json.dumps(dict(an_envelope(id=identifier))))

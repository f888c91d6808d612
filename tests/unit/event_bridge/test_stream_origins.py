"""Scripts of which pages may read the stream."""

import asyncio

import pytest
from aiohttp.test_utils import make_mocked_request
from pydantic import TypeAdapter, ValidationError

from services.event_bridge.adapters.event_signals import News
from services.event_bridge.config import Origins
from services.event_bridge.domain.filters import Filter
from services.event_bridge.domain.stream_tickets import StreamTicket
from services.event_bridge.http.cors import Cors
from tests.storage.event_bridge.world import NOON

APP = "https://app.example"


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (APP, True),
        ("https://app.example:8443", False),
        ("https://app.example.evil", False),
        ("null", False),
        ("", False),
    ],
)
async def test_an_origin_is_let_in_by_its_exact_name(origin, allowed):
    request = make_mocked_request("OPTIONS", "/events/stream", headers={"Origin": origin})
    answer = await Cors({APP}).preflight(request)
    assert answer.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert ("Access-Control-Allow-Headers" in answer.headers) is allowed
    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("text", ["*", "http://app.example", "https://app.example/", "app.example", "https://", "null"])
def test_what_is_no_origin_cannot_be_configured(text):
    with pytest.raises(ValidationError):
        TypeAdapter(Origins).validate_python(text)


def test_origins_are_separated_by_commas():
    found = TypeAdapter(Origins).validate_python("https://app.example, http://localhost:8090")
    assert found == {APP, "http://localhost:8090"}


@pytest.mark.parametrize(
    ("name", "wanted", "shown"),
    [
        ("login.failed", [], True),
        ("consent.granted", [], False),
        ("consent.granted", [">"], False),
        ("login.failed", ["login.succeeded"], False),
        ("login.succeeded", ["login.succeeded", "consent.>"], True),
    ],
)
def test_a_ticket_and_what_is_asked_for_have_to_agree(name, wanted, shown):
    ticket = StreamTicket(ticket_id="st", filters=("login.>",), created_at=NOON, expires_at=NOON)
    assert ticket.shows(name, [Filter.parse(text) for text in wanted]) is shown


class Store:
    """What has come, as far as News asks."""

    def __init__(self) -> None:
        self.position = 0

    async def newest(self) -> int:
        return self.position


async def test_a_stream_that_waits_hears_of_what_another_replica_took_and_of_the_end():
    store = Store()
    news = News(store)  # type: ignore[arg-type]
    looking = asyncio.create_task(news.run())
    async with asyncio.timeout(10):
        waiting = asyncio.create_task(news.after(0, seconds=60))
        await asyncio.sleep(0)
        store.position = 3
        await waiting
        await news.after(2, seconds=60)
        waiting = asyncio.create_task(news.after(3, seconds=60))
        await asyncio.sleep(0)
        news.end()
        await waiting
    looking.cancel()

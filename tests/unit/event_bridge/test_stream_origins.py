"""Origins, filters and wake-ups of the event stream."""

import asyncio

import pytest
from aiohttp.test_utils import make_mocked_request
from pydantic import TypeAdapter, ValidationError

from services.event_bridge.adapters.event_signals import EventSignals
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
async def test_cors_permits_exact_origins_only(origin, allowed):
    request = make_mocked_request("OPTIONS", "/events/stream", headers={"Origin": origin})
    answer = await Cors({APP}).preflight(request)
    assert answer.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert ("Access-Control-Allow-Headers" in answer.headers) is allowed
    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("text", ["*", "http://app.example", "https://app.example/", "app.example", "https://", "null"])
def test_settings_refuse_malformed_origins(text):
    with pytest.raises(ValidationError):
        TypeAdapter(Origins).validate_python(text)


def test_settings_split_origins_at_commas():
    found = TypeAdapter(Origins).validate_python("https://app.example, http://localhost:8090")
    assert found == {APP, "http://localhost:8090"}


@pytest.mark.parametrize(
    ("name", "requested", "permitted"),
    [
        ("login.failed", [], True),
        ("consent.granted", [], False),
        ("consent.granted", [">"], False),
        ("login.failed", ["login.succeeded"], False),
        ("login.succeeded", ["login.succeeded", "consent.>"], True),
    ],
)
def test_ticket_permits_events_that_match_its_filters_and_the_requested_filters(name, requested, permitted):
    ticket = StreamTicket(ticket_id="st", filters=("login.>",), created_at=NOON, expires_at=NOON)
    assert ticket.permits(name, [Filter.parse(text) for text in requested]) is permitted


class Store:
    """Stands in for ReadEvents."""

    def __init__(self) -> None:
        self.position = 0

    async def newest(self) -> int:
        return self.position


async def test_event_signals_wake_streams_for_new_events_and_on_stop():
    store = Store()
    signals = EventSignals(store)  # type: ignore[arg-type]
    running = asyncio.create_task(signals.run())
    async with asyncio.timeout(10):
        waiting = asyncio.create_task(signals.wait_after(0, seconds=60))
        await asyncio.sleep(0)
        store.position = 3
        await waiting
        await signals.wait_after(2, seconds=60)
        waiting = asyncio.create_task(signals.wait_after(3, seconds=60))
        await asyncio.sleep(0)
        signals.stop()
        await waiting
    running.cancel()

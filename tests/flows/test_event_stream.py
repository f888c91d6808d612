"""The event stream for browsers (server-sent events): tickets, filters and resumption."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.flows.databases import on_postgresql
from tests.flows.relying_party import RelyingParty
from tests.flows.users import new_user
from tests.support.browser import Browser
from tests.support.latchkey import latchkey
from tests.support.stack import Stack

pytestmark = on_postgresql

Event = tuple[str, dict[str, Any]]


class Reader:
    """Parses server-sent events (WHATWG HTML, 9.2.6)."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self) -> Event:
        """Id and data of the next event."""
        event_id, data = "", ""
        async with asyncio.timeout(60):
            while line := (await self.response.content.readline()).decode():
                field, _, value = line.rstrip("\n").partition(": ")
                if field == "id":
                    event_id = value
                elif field == "data":
                    data = value
                elif not line.strip() and data:
                    return event_id, json.loads(data)
        raise AssertionError("the event stream has ended")

    async def until(self, subject: str, *, kind: str = "") -> Event:
        while True:
            event_id, event = await self.next()
            if event["subject"] == subject and event["type"].startswith(f"latchkey.{kind}"):
                return event_id, event


@asynccontextmanager
async def reading(
    system: Stack, ticket: str, *, query: str = "", headers: dict[str, str] | None = None
) -> AsyncIterator[Reader]:
    url = f"http://localhost:{system.layout.ports.events.number}/events/stream?{query}"
    given = {"Authorization": f"Bearer {ticket}"} if ticket else {}
    async with aiohttp.ClientSession() as session, session.get(url, headers=given | (headers or {})) as response:
        yield Reader(response)


async def ticket_for(system: Stack, *filters: str) -> dict[str, Any]:
    options = [part for each in filters for part in ("--filter", each)]
    made: dict[str, Any] = await latchkey(system, "stream-ticket", "create", *options)
    return made


async def test_event_stream_sends_a_sign_in_and_resumes_after_last_event_id(system: Stack, browser: Browser) -> None:
    ticket = (await ticket_for(system, "login.>", "session.created"))["ticket"]
    username, user_id = await new_user(system)
    async with await RelyingParty.registered(system) as client:
        async with reading(system, "", query=f"ticket={ticket}") as reader:
            assert reader.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            assert reader.response.headers["Cache-Control"] == "no-store"
            await client.sign_in(browser, username=username)
            event_id, event = await reader.until(user_id)
            assert event["type"] == "latchkey.login.succeeded.v1"
            assert event["id"] == event_id
        async with Browser(system.issuer) as again:
            await client.sign_in(again, username=username)
        async with reading(system, ticket, headers={"Last-Event-ID": event_id}) as reader:
            missed = [(await reader.until(user_id))[1]["type"] for _ in range(3)]
        assert missed == [
            "latchkey.session.created.v1",
            "latchkey.login.succeeded.v1",
            "latchkey.session.created.v1",
        ]


async def test_event_stream_filter_narrows_the_ticket_and_cannot_widen_it(system: Stack, browser: Browser) -> None:
    """Up to a later sign-in, the reader receives only events that match both the ticket and the filter."""
    ticket = (await ticket_for(system, "login.>", "session.>"))["ticket"]
    username, user_id = await new_user(system)
    async with await RelyingParty.registered(system) as client, reading(system, ticket, query="filter=>") as wide:
        async with reading(system, ticket, query="filter=session.created&filter=consent.>") as narrow:
            await client.sign_in(browser, username=username)
            assert (await narrow.until(user_id))[1]["type"] == "latchkey.session.created.v1"
        async with Browser(system.issuer) as again:
            await client.sign_in(again, username=username)
        seen = [(await wide.until(user_id))[1]["type"] for _ in range(4)]
        assert {kind.split(".")[1] for kind in seen} == {"login", "session"}, "neither consent nor code nor token"


@pytest.mark.parametrize(
    ("ticket", "query", "status"),
    [("", "", 401), ("evt_unknown", "", 401), ("", "ticket=x", 401), ("good", "filter=a.b.c", 400)],
)
async def test_event_stream_is_refused_for_an_invalid_ticket_or_filter(
    system: Stack, ticket: str, query: str, status: int
) -> None:
    if ticket == "good":
        ticket = (await ticket_for(system, "login.>"))["ticket"]
    async with reading(system, ticket, query=query) as reader:
        assert reader.response.status == status


async def test_event_stream_is_refused_for_a_revoked_ticket(system: Stack) -> None:
    made = await ticket_for(system, "login.>")
    assert made["ticket_id"] in {each["ticket_id"] for each in await latchkey(system, "stream-ticket", "list")}
    await latchkey(system, "stream-ticket", "revoke", made["ticket_id"])
    async with reading(system, made["ticket"]) as reader:
        assert reader.response.status == 401
    assert made["ticket"] not in system.log("event-bridge")


async def test_event_streams_per_ticket_are_limited(system: Stack) -> None:
    ticket = (await ticket_for(system, "login.>"))["ticket"]
    url = f"http://localhost:{system.layout.ports.events.number}/events/stream?ticket={ticket}"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        opened = [await session.get(url) for _ in range(9)]
        assert [each.status for each in opened] == [200] * 8 + [503]
        for each in opened:
            each.close()


async def test_event_stream_reports_a_gap_when_last_event_id_is_too_old(system: Stack) -> None:
    ticket = (await ticket_for(system, "login.>"))["ticket"]
    async with reading(system, ticket, headers={"Last-Event-ID": "of-another-year"}) as reader:
        lines = [(await reader.response.content.readline()).decode().strip() for _ in range(3)]
    assert lines[:2] == ["retry: 2000", "event: gap"]


async def test_event_stream_sends_no_cors_header_to_other_origins(system: Stack) -> None:
    ticket = (await ticket_for(system, "login.>"))["ticket"]
    async with reading(system, ticket, headers={"Origin": "https://evil.example"}) as reader:
        assert "Access-Control-Allow-Origin" not in reader.response.headers
        assert reader.response.headers["Vary"] == "Origin"

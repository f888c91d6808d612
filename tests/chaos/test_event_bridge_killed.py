"""The event bridge and NATS are killed while users sign in: the webhook receives every event, in order per user."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from tests.chaos.ledger import streamed
from tests.flows.relying_party import RelyingParty
from tests.flows.users import new_user
from tests.support.browser import Browser
from tests.support.latchkey import latchkey
from tests.support.stack import Stack

pytestmark = [pytest.mark.xdist_group("chaos"), pytest.mark.timeout(400)]
KINDS = ("login.succeeded", "session.created")
SIGN_INS = 3


class Receiver:
    """Stores received events in order; an event with a wrong signature fails the test."""

    def __init__(self) -> None:
        self.secret = ""
        self.events: list[dict[str, Any]] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        right = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        assert request.headers["webhook-signature"] == f"v1,{right}"
        self.events.append(json.loads(body))
        return web.Response(status=204)


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes([web.post("/hook", receiver.take)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


async def test_webhook_receives_every_event_in_order_after_kills_of_bridge_and_nats(system: Stack) -> None:
    receiver = Receiver()
    async with receiving(receiver) as url, await RelyingParty.registered(system) as client:
        made = await latchkey(
            system, "webhook", "create", url, *(part for kind in KINDS for part in ("--filter", kind))
        )
        receiver.secret = made["secret"]
        users = dict([await new_user(system) for _ in range(3)])

        async def sign_ins(username: str) -> None:
            for _ in range(SIGN_INS):
                async with Browser(system.issuer) as browser:
                    await client.sign_in(browser, username=username)

        signing_in = asyncio.gather(*map(sign_ins, users))
        for victim in ("event-bridge", "nats", "event-bridge"):
            await asyncio.to_thread(system.restart, victim)
        await signing_in

        wanted = await _published_about(system, set(users.values()), minimum=len(users) * SIGN_INS * len(KINDS))
        async with asyncio.timeout(200):  # the lease of the killed bridge expires after a minute
            while True:
                came = {event["id"] for event in receiver.events}
                if wanted <= came:
                    break
                await asyncio.sleep(0.2)
    await latchkey(system, "webhook", "delete", made["webhook_id"], "--yes")
    first = {event["id"]: event for event in reversed(receiver.events)}
    order: dict[str, list[int]] = defaultdict(list)
    for event in sorted(first.values(), key=receiver.events.index):
        order[event["subject"]].append(event["subjectseq"])
    assert all(numbers == sorted(numbers) for numbers in order.values()), order


async def _published_about(system: Stack, subjects: set[str], *, minimum: int) -> set[str]:
    """Ids of the events about these users on the stream; waits until all expected events are there."""
    async with asyncio.timeout(60):
        while True:
            events = [each for stream in (await streamed(system)).values() for each in stream]
            names = {f"latchkey.{kind}.v1" for kind in KINDS}
            ids = {event["id"] for event in events if event["subject"] in subjects and event["type"] in names}
            if len(ids) >= minimum:
                return ids
            await asyncio.sleep(0.2)

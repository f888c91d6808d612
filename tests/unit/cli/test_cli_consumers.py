"""latchkey events replay|show|lag|dlq|redrive|trigger-test, on a real nats-server with users and rights."""

import asyncio
import json
import os
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from latchkey_sdk import subscribe
from libs.crypto.random import uuid7
from tests.unit.cli.conftest import Latchkey
from tests.unit.cli.guarded import Json, Publish, made, read


def lines(latchkey: Latchkey, *arguments: str) -> list[Any]:
    answer = latchkey("events", *arguments, "--json")
    assert answer.code == 0, answer.err
    return [json.loads(line) for line in answer.out.splitlines()]


async def reject(subscriber: Json) -> None:
    """Rejects the next event as the subscriber."""
    access = {"servers": subscriber["servers"], "creds": subscriber["creds_file"], "durable": subscriber["consumer"]}
    async with subscribe(subscriber["filter"], **access) as events, asyncio.timeout(20):
        event = await anext(events)
        assert event.delivery
        await event.delivery.reject()


@pytest.fixture
def dead(latchkey: Latchkey, publish: Publish) -> Json:
    """Two subscribers; the first one gave up on event-1."""
    made(latchkey, "--filter", "login.>")
    subscriber = made(latchkey, "--filter", "login.>")
    publish("login.failed")
    asyncio.run(reject(subscriber))
    while not latchkey("events", "dlq", "--json").json:
        pass
    return subscriber


def test_events_replay_shows_stored_events_and_exits(latchkey: Latchkey, publish: Publish) -> None:
    publish("login.failed", "session.created", "login.succeeded")
    publish("token.issued", user="token", id="event-4")
    output = lines(latchkey, "replay", "--since", "beginning", "--filter", "login.>")
    assert [event["id"] for event in output] == ["event-1", "event-3"]
    assert [event["id"] for event in lines(latchkey, "replay")] == ["event-1", "event-2", "event-3", "event-4"]
    assert lines(latchkey, "replay", "--filter", "consent.>") == []


def test_events_show_finds_event_by_id(latchkey: Latchkey, publish: Publish) -> None:
    wanted, other = uuid7(datetime.now(UTC)), uuid7(datetime.now(UTC))
    publish("login.failed", "login.succeeded", id=other, data={"user_id": wanted})
    publish("token.issued", user="token", id=wanted)
    assert latchkey("events", "show", wanted, "--json").json["type"] == "latchkey.token.issued.v1"
    assert "token.issued" in latchkey("events", "show", wanted).out
    unknown = latchkey("events", "show", uuid7(datetime.now(UTC)), "--json")
    assert unknown.error["error"] == "not_found"
    for odd in ("event-1", str(uuid.UUID(bytes=os.urandom(16), version=4))):
        assert latchkey("events", "show", odd, "--json").error["error"] == "usage"


def test_events_lag_shows_pending_events_of_each_consumer(latchkey: Latchkey, publish: Publish) -> None:
    assert latchkey("events", "lag", "--json").json == []
    subscriber = made(latchkey, "--filter", "login.>")
    publish("login.failed", "login.succeeded", "session.created")
    asyncio.run(read(subscriber, 1))
    (output,) = latchkey("events", "lag", "--json").json
    assert (output["consumer"], output["waiting"] + output["in_hand"]) == (subscriber["consumer"], 1)
    assert output["filters"][0] == "latchkey.v1.login.>"
    assert subscriber["consumer"] in latchkey("events", "lag").out


def test_events_dlq_lists_rejected_event(latchkey: Latchkey, dead: Json) -> None:
    (dead_letter,) = latchkey("events", "dlq", "--json").json
    assert (dead_letter["consumer"], dead_letter["event_id"], dead_letter["type"]) == (
        dead["consumer"],
        "event-1",
        "latchkey.login.failed.v1",
    )
    assert (dead_letter["terminated"], dead_letter["redriven"]) == (True, False)
    assert latchkey("events", "dlq", "unknown", "--json").json == []
    assert "rejected" in latchkey("events", "dlq", dead["consumer"]).out


def test_events_dlq_lists_event_with_exhausted_attempts(
    latchkey: Latchkey, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.cli.subscribers.MAX_ATTEMPTS", 2)
    subscriber = made(latchkey, "--filter", "login.>")
    publish("login.failed", "login.succeeded")

    async def fail_twice() -> str:
        access = {"servers": subscriber["servers"], "creds": subscriber["creds_file"]}
        async with subscribe("login.>", durable=subscriber["consumer"], **access) as events, asyncio.timeout(20):
            for _ in range(2):
                event = await anext(events)
                assert event.id == "event-1"
                await event.nak(delay=0)
            return (await anext(events)).id

    assert asyncio.run(fail_twice()) == "event-2"
    (dead_letter,) = latchkey("events", "dlq", "--json").json
    assert (dead_letter["event_id"], dead_letter["attempts"], dead_letter["terminated"]) == ("event-1", 2, False)


def test_events_redrive_redelivers_once_to_that_subscriber_only(latchkey: Latchkey, dead: Json) -> None:
    consumer = dead["consumer"]
    assert latchkey("events", "redrive", consumer, "--json").json == {"consumer": consumer, "redriven": ["event-1"]}
    assert latchkey("events", "redrive", consumer, "--json").json["redriven"] == []
    assert latchkey("events", "dlq", "--json").json[0]["redriven"]
    assert asyncio.run(read(dead, 1)) == ["event-1"]
    waiting = {each["consumer"]: each["waiting"] for each in latchkey("events", "lag", "--json").json}
    (other,) = set(waiting) - {consumer}
    assert waiting == {consumer: 0, other: 1}
    again = latchkey("events", "redrive", consumer, "--id", "event-1", "--json").json
    assert again["redriven"] == ["event-1"]
    assert asyncio.run(read(dead, 1)) == ["event-1"]
    assert latchkey("events", "redrive", consumer, "--id", "event-9", "--json").error["error"] == "not_found"


def test_trigger_test_sends_marked_event_to_one_subscriber(latchkey: Latchkey, publish: Publish) -> None:
    subscriber = made(latchkey, "--filter", "session.>")
    sent = latchkey("events", "trigger-test", subscriber["consumer"], "--event", "login.failed", "--json").json
    assert (sent["type"], sent["test"]) == ("latchkey.login.failed.v1", True)
    assert asyncio.run(read(subscriber, 1)) == [sent["id"]]
    assert lines(latchkey, "replay") == []
    assert latchkey("events", "trigger-test", "unknown", "--json").error["error"] == "not_found"
    odd = latchkey("events", "trigger-test", subscriber["consumer"], "--event", "login.made_up", "--json")
    assert odd.error["error"] == "usage"

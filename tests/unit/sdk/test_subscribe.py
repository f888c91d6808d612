"""Subscriptions with a real nats-server: start, acknowledge, stop, start again."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from latchkey_sdk import BusUnreachable, Event, Subscription, SubscriptionFailed, subscribe
from latchkey_sdk.delivery import Delivery
from tests.unit.sdk.bus import NatsServer, Publisher

ALL = timedelta(hours=1)


async def take(events: Subscription, count: int) -> list[Event]:
    async with asyncio.timeout(20):
        return [await anext(events) for _ in range(count)]


async def ids(events: Subscription, count: int) -> list[str]:
    return [event.id for event in await take(events, count)]


async def test_events_are_delivered_when_published(server: NatsServer, publisher: Publisher) -> None:
    await publisher.event("login.failed")
    async with subscribe("login.>", servers=server.url) as events:
        await publisher.event("login.succeeded", data={"user_id": "user-1", "amr": ["pwd"]})
        (event,) = await take(events, 1)
    assert event.name == "login.succeeded"
    assert event.data == {"user_id": "user-1", "amr": ["pwd"]}


async def test_loop_without_context_manager_connects_and_closes(server: NatsServer, publisher: Publisher) -> None:
    await publisher.event()
    seen = []
    async for event in subscribe(servers=server.url, since=ALL):
        seen.append(event.id)
        if len(seen) == 1:
            await publisher.event("session.created")
        else:
            break
    assert seen == ["event-1", "event-2"]


@pytest.mark.parametrize("since", [ALL, "beginning", 1, datetime(2026, 1, 1, tzinfo=UTC)])
async def test_new_subscription_starts_at_since(server: NatsServer, publisher: Publisher, since) -> None:
    await publisher.event()
    async with subscribe("login", servers=server.url, since=since) as events:
        assert await ids(events, 1) == ["event-1"]


async def test_subscription_starts_at_a_sequence_number(server: NatsServer, publisher: Publisher) -> None:
    for _ in range(3):
        await publisher.event()
    async with subscribe("login.>", servers=server.url, since=2) as events:
        assert [event.sequence for event in await take(events, 2)] == [2, 3]


async def test_durable_subscription_continues_after_acknowledged_events(
    server: NatsServer, publisher: Publisher
) -> None:
    async with subscribe("login.>", servers=server.url, durable="crm") as events:
        await publisher.event()
        await ids(events, 1)
    await publisher.event()
    async with subscribe("login.>", servers=server.url, durable="crm") as events:
        assert await ids(events, 1) == ["event-2"]


async def test_queued_events_are_redelivered_at_once_after_a_stop(server: NatsServer, publisher: Publisher) -> None:
    async with subscribe("login.>", servers=server.url, durable="crm") as events:
        await publisher.event()
        await publisher.event()
        await ids(events, 1)
    async with subscribe("login.>", servers=server.url, durable="crm") as events, asyncio.timeout(5):
        assert (await anext(events)).id == "event-2"


async def test_failed_event_is_redelivered_before_the_next(server: NatsServer, publisher: Publisher) -> None:
    async def fail() -> None:
        async with subscribe("login.>", servers=server.url, durable="crm", since=ALL) as events:
            async for event in events:
                raise RuntimeError(event.id)

    await publisher.event()
    await publisher.event()
    with pytest.raises(RuntimeError, match="event-1"):
        await fail()
    async with subscribe("login.>", servers=server.url, durable="crm") as events:
        again, following = await take(events, 2)
    assert (again.id, again.deliveries) == ("event-1", 2)
    assert following.id == "event-2"


async def test_failed_loop_without_context_manager_returns_the_event(server: NatsServer, publisher: Publisher) -> None:
    async def fail() -> None:
        async for event in subscribe("login.>", servers=server.url, durable="crm", since=ALL):
            raise RuntimeError(event.id)

    await publisher.event()
    with pytest.raises(RuntimeError, match="event-1"):
        await fail()
    async with subscribe("login.>", servers=server.url, durable="crm") as events:
        assert await ids(events, 1) == ["event-1"]


async def test_nak_redelivers_the_event(server: NatsServer, publisher: Publisher) -> None:
    await publisher.event()
    async with subscribe("login.>", servers=server.url, durable="crm", since=ALL) as events:
        (event,) = await take(events, 1)
        await event.nak(delay=0)
        assert await ids(events, 1) == ["event-1"]


async def test_cancelled_wait_can_be_repeated(server: NatsServer, publisher: Publisher) -> None:
    async with subscribe("login.>", servers=server.url) as events:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(events)
        await publisher.event()
        assert await ids(events, 1) == ["event-1"]


async def test_one_filter_reads_both_streams(server: NatsServer, publisher: Publisher) -> None:
    names = ["token.issued", "token.revoked", "login.succeeded", "token.refreshed"]
    async with subscribe("token.>", servers=server.url) as events:
        for name in names:
            await publisher.event(name)
        assert {event.name for event in await take(events, 3)} == set(names) - {"login.succeeded"}


async def test_ephemeral_consumer_is_deleted_on_close(server: NatsServer, publisher: Publisher) -> None:
    async with subscribe("login.>", servers=server.url):
        assert len(await publisher.consumers("LATCHKEY_EVENTS")) == 1
    assert await publisher.consumers("LATCHKEY_EVENTS") == []


async def test_malformed_message_is_skipped(server: NatsServer, publisher: Publisher) -> None:
    async with subscribe("login.>", servers=server.url) as events:
        await publisher.jetstream.publish("latchkey.v1.login.succeeded.00", b"hello")
        await publisher.event()
        assert await ids(events, 1) == ["event-1"]


async def test_durable_name_with_another_filter_is_refused(server: NatsServer, publisher: Publisher) -> None:
    async with subscribe("login.>", servers=server.url, durable="crm"):
        pass
    with pytest.raises(SubscriptionFailed, match=r"already reads latchkey\.v1\.login\.>"):
        async with subscribe("session.>", servers=server.url, durable="crm"):
            pass


async def test_missing_stream_is_reported(server: NatsServer) -> None:
    with pytest.raises(SubscriptionFailed, match="has Latchkey been started"):
        async with subscribe(servers=server.url):
            pass


async def test_unreachable_server_is_reported_with_its_address(server: NatsServer) -> None:
    server.stop()
    with pytest.raises(BusUnreachable, match=f"cannot reach NATS at {server.url}"):
        async with subscribe(servers=server.url, connect_timeout=0.2):
            pass


@pytest.mark.parametrize("arguments", [
    {"pattern": "Login"},
    {"pattern": ""},
    {"pattern": "a.b.c.d"},
    {"durable": "a.b"},
    {"pattern": ">", "since": 5},
    {"since": datetime(2026, 1, 1)},  # noqa: DTZ001
])  # fmt: skip
def test_invalid_arguments_are_refused_at_once(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        subscribe(**arguments)  # type: ignore[arg-type]


async def test_cancellation_is_kept_when_it_arrives_with_the_confirmation() -> None:
    class Message:
        async def ack_sync(self, timeout: float) -> None:  # noqa: ASYNC109
            """Swallow a cancellation that comes with the response, as asyncio.wait_for does in Python 3.11."""
            cancelled = asyncio.get_running_loop().create_future()
            with contextlib.suppress(asyncio.CancelledError):
                await cancelled

    delivery = Delivery(Message())  # type: ignore[arg-type]
    acknowledging = asyncio.create_task(delivery.ack())
    await asyncio.sleep(0)
    acknowledging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await acknowledging

"""Subscriptions against a real nats-server: start, settle, stop, start again."""

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


async def test_events_come_as_they_happen(server: NatsServer, publisher: Publisher) -> None:
    await publisher.event("login.failed")
    async with subscribe("login.>", servers=server.url) as events:
        await publisher.event("login.succeeded", data={"user_id": "user-1", "amr": ["pwd"]})
        (event,) = await take(events, 1)
    assert event.name == "login.succeeded"
    assert event.data == {"user_id": "user-1", "amr": ["pwd"]}


async def test_a_plain_loop_connects_and_closes_by_itself(server: NatsServer, publisher: Publisher) -> None:
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
async def test_a_new_subscription_starts_where_it_is_told(server: NatsServer, publisher: Publisher, since) -> None:
    await publisher.event()
    async with subscribe("login", servers=server.url, since=since) as events:
        assert await ids(events, 1) == ["event-1"]


async def test_a_sequence_number_leaves_out_what_came_before(server: NatsServer, publisher: Publisher) -> None:
    for _ in range(3):
        await publisher.event()
    async with subscribe("login.>", servers=server.url, since=2) as events:
        assert [event.sequence for event in await take(events, 2)] == [2, 3]


async def test_a_durable_subscription_goes_on_after_what_it_handled(server: NatsServer, publisher: Publisher) -> None:
    async with subscribe("login.>", servers=server.url, durable="crm") as events:
        await publisher.event()
        await ids(events, 1)
    await publisher.event()
    async with subscribe("login.>", servers=server.url, durable="crm") as events:
        assert await ids(events, 1) == ["event-2"]


async def test_what_waits_behind_the_last_event_is_not_held_up_by_a_stop(
    server: NatsServer, publisher: Publisher
) -> None:
    async with subscribe("login.>", servers=server.url, durable="crm") as events:
        await publisher.event()
        await publisher.event()
        await ids(events, 1)
    async with subscribe("login.>", servers=server.url, durable="crm") as events, asyncio.timeout(5):
        assert (await anext(events)).id == "event-2"


async def test_an_event_whose_handling_failed_is_offered_again_before_the_next(
    server: NatsServer, publisher: Publisher
) -> None:
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


async def test_a_plain_loop_that_fails_gives_the_event_back(server: NatsServer, publisher: Publisher) -> None:
    async def fail() -> None:
        async for event in subscribe("login.>", servers=server.url, durable="crm", since=ALL):
            raise RuntimeError(event.id)

    await publisher.event()
    with pytest.raises(RuntimeError, match="event-1"):
        await fail()
    async with subscribe("login.>", servers=server.url, durable="crm") as events:
        assert await ids(events, 1) == ["event-1"]


async def test_an_event_can_be_asked_for_again(server: NatsServer, publisher: Publisher) -> None:
    await publisher.event()
    async with subscribe("login.>", servers=server.url, durable="crm", since=ALL) as events:
        (event,) = await take(events, 1)
        await event.nak(delay=0)
        assert await ids(events, 1) == ["event-1"]


async def test_waiting_may_be_given_up_and_taken_up_again(server: NatsServer, publisher: Publisher) -> None:
    async with subscribe("login.>", servers=server.url) as events:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(events)
        await publisher.event()
        assert await ids(events, 1) == ["event-1"]


async def test_one_filter_may_read_both_streams(server: NatsServer, publisher: Publisher) -> None:
    names = ["token.issued", "token.revoked", "login.succeeded", "token.refreshed"]
    async with subscribe("token.>", servers=server.url) as events:
        for name in names:
            await publisher.event(name)
        assert {event.name for event in await take(events, 3)} == set(names) - {"login.succeeded"}


async def test_nothing_stays_behind_of_an_ephemeral_subscription(server: NatsServer, publisher: Publisher) -> None:
    async with subscribe("login.>", servers=server.url):
        assert len(await publisher.consumers("LATCHKEY_EVENTS")) == 1
    assert await publisher.consumers("LATCHKEY_EVENTS") == []


async def test_what_is_no_event_is_left_out(server: NatsServer, publisher: Publisher) -> None:
    async with subscribe("login.>", servers=server.url) as events:
        await publisher.jetstream.publish("latchkey.v1.login.succeeded.00", b"hello")
        await publisher.event()
        assert await ids(events, 1) == ["event-1"]


async def test_a_durable_name_in_use_for_other_events_is_refused(server: NatsServer, publisher: Publisher) -> None:
    async with subscribe("login.>", servers=server.url, durable="crm"):
        pass
    with pytest.raises(SubscriptionFailed, match=r"already reads latchkey\.v1\.login\.>"):
        async with subscribe("session.>", servers=server.url, durable="crm"):
            pass


async def test_without_streams_the_error_says_so(server: NatsServer) -> None:
    with pytest.raises(SubscriptionFailed, match="has Latchkey been started"):
        async with subscribe(servers=server.url):
            pass


async def test_an_address_where_nobody_answers_is_named(server: NatsServer) -> None:
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
def test_an_argument_that_makes_no_sense_is_refused_at_once(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        subscribe(**arguments)  # type: ignore[arg-type]


async def test_a_cancellation_counts_even_when_it_comes_with_the_confirmation_of_an_acknowledgement() -> None:
    class Message:
        async def ack_sync(self, timeout: float) -> None:  # noqa: ASYNC109
            """As asyncio.wait_for in Python 3.11: a cancellation is swallowed when the answer is there as well."""
            cancelled = asyncio.get_running_loop().create_future()
            with contextlib.suppress(asyncio.CancelledError):
                await cancelled

    delivery = Delivery(Message())  # type: ignore[arg-type]
    acknowledging = asyncio.create_task(delivery.ack())
    await asyncio.sleep(0)
    acknowledging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await acknowledging

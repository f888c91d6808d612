"""Delivery guarantees of webhooks: order, retries, isolation, automatic disabling."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from libs.oauth.errors import InvalidRequest
from services.event_bridge.domain.deliveries import AttemptResult, State
from services.event_bridge.domain.webhooks import DisabledReason
from services.event_bridge.ports import RedeliverySelection
from tests.storage.event_bridge.world import BAD, DAY, DOWN, OK, STREAM, World, an_event

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


async def test_events_about_one_subject_are_sent_in_order_and_other_subjects_concurrently(world: World) -> None:
    await world.webhook()
    await world.publish("1:login.succeeded:alice", "2:session.created:alice", "3:login.succeeded:bob")
    await world.send()
    assert world.receivers.ids == ["1", "3"]
    await world.send()
    assert world.receivers.ids == ["1", "3", "2"]


async def test_failed_event_delays_later_events_about_the_same_subject_only(world: World) -> None:
    webhook, _ = await world.webhook()
    world.receivers.answers["1"] = BAD
    await world.publish("1::alice", "2::alice", "3::bob")
    await world.send(rounds=3)
    assert world.receivers.ids == ["1", "3"]
    world.receivers.answers["1"] = OK
    world.clock.move(6 * SECOND)
    await world.send(rounds=2)
    assert world.receivers.ids == ["1", "3", "1", "2"]
    assert {each.state for each in (await world.log(webhook)).values()} == {State.DELIVERED}


async def test_unordered_events_are_sent_concurrently(world: World) -> None:
    webhook, _ = await world.webhook()
    await world.store.acquire(STREAM, start=0)
    events = [replace(an_event(str(number), "token.issued", "client"), ordered=False) for number in range(3)]
    assert await world.store(STREAM, events, before=0, after=3)
    await world.send()
    assert sorted(world.receivers.ids) == ["0", "1", "2"]
    assert {each.subject for each in (await world.log(webhook)).values()} == {"client"}


async def test_webhook_gets_only_events_that_match_its_filters(world: World) -> None:
    await world.webhook("https://a.example/", "login.>", "*.revoked")
    await world.webhook("https://b.example/", "session.ended")
    await world.publish("1:login.failed:a", "2:session.ended:b", "3:token.revoked:c", "4:session.created:d")
    await world.send(rounds=4)
    received = {(sent.url, sent.event_id) for sent in world.receivers.sent}
    assert received == {("https://a.example/", "1"), ("https://a.example/", "3"), ("https://b.example/", "2")}


async def test_failing_webhook_gets_single_attempts_with_growing_pauses_and_all_events_on_recovery(
    world: World,
) -> None:
    webhook, _ = await world.webhook()
    world.receivers.answers[webhook.url] = DOWN
    await world.publish(*(f"{number}::user-{number}" for number in range(4)))
    await world.send()
    assert len(world.receivers.sent) == 4
    for _ in range(200):
        world.clock.move(5 * SECOND)
        await world.send()
    assert 7 < len(world.receivers.sent) < 16, "pauses grow to five minutes"
    world.receivers.answers.clear()
    world.clock.move(timedelta(minutes=6))
    await world.send()
    await world.send()
    assert {each.state for each in (await world.log(webhook)).values()} == {State.DELIVERED}
    assert (await world.webhooks.find.one(webhook.webhook_id)).failing_since is None


async def test_failing_webhook_does_not_delay_other_webhooks(world: World) -> None:
    await world.webhook("https://dead.example/")
    await world.webhook("https://good.example/")
    world.receivers.answers["https://dead.example/"] = DOWN
    for number in range(10):
        await world.publish(f"{number}::user-{number}")
        await world.send()
    good = [sent for sent in world.receivers.sent if sent.url == "https://good.example/"]
    assert len(good) == 10


async def test_event_is_given_up_after_one_day_and_can_be_redelivered(world: World) -> None:
    webhook, _ = await world.webhook()
    world.receivers.answers["1"] = BAD
    await world.publish("1")
    for _ in range(40):
        await world.send()
        world.clock.move(HOUR)
    entry = (await world.log(webhook))["1"]
    assert (entry.state, entry.next_attempt_at) == (State.GIVEN_UP, None)
    assert 10 < entry.attempts < 20
    world.receivers.answers.clear()
    assert await world.webhooks.redeliver(webhook.webhook_id, RedeliverySelection(event_id="1")) == 1
    await world.send()
    assert (await world.log(webhook))["1"].state is State.DELIVERED
    with pytest.raises(InvalidRequest):
        await world.webhooks.redeliver(webhook.webhook_id, RedeliverySelection(event_id="2"))


async def test_redeliver_time_span_includes_delivered_events_only_when_requested(world: World) -> None:
    webhook, _ = await world.webhook()
    world.receivers.answers["1"] = AttemptResult(status=410)
    await world.publish("2::bob")
    await world.send()
    await world.publish("1::alice")
    await world.send()
    await world.webhooks.enable(webhook.webhook_id)
    world.receivers.answers.clear()
    span = RedeliverySelection(since=world.clock.now() - HOUR, until=world.clock.now() + HOUR)
    assert await world.webhooks.redeliver(webhook.webhook_id, span) == 1
    await world.send()
    again = RedeliverySelection(since=world.clock.now() - HOUR, until=world.clock.now() + HOUR, include_delivered=True)
    assert await world.webhooks.redeliver(webhook.webhook_id, again) == 2
    with pytest.raises(InvalidRequest):
        await world.webhooks.redeliver(webhook.webhook_id, RedeliverySelection())


async def test_retry_after_delays_the_event_and_the_webhook(world: World) -> None:
    webhook, _ = await world.webhook()
    world.receivers.answers[webhook.url] = AttemptResult(status=429, retry_after=timedelta(minutes=30))
    await world.publish("1::alice")
    await world.send()
    await world.publish("2::bob")
    world.receivers.answers.clear()
    world.clock.move(timedelta(minutes=29))
    await world.send()
    assert world.receivers.ids == ["1"]
    world.clock.move(timedelta(minutes=2))
    await world.send(rounds=3)
    assert world.receivers.ids[1:] in (["1", "2"], ["2", "1"])


async def test_webhook_is_disabled_with_an_event_after_days_of_failures(world: World) -> None:
    webhook, _ = await world.webhook()
    world.receivers.answers[webhook.url] = DOWN
    for hour in range(24 * 6):
        await world.publish(f"{hour}::user-{hour}")
        await world.send()
        world.clock.move(HOUR)
        await world.sweep()
    disabled = await world.webhooks.find.one(webhook.webhook_id)
    assert disabled.disabled_reason is DisabledReason.FAILING
    assert disabled.failing_since is not None
    (event,) = [event for event in await world.events() if event["type"] == "latchkey.webhook.disabled.v1"]
    assert (event["reason"], event["actortype"], event["subject"]) == ("failing", "system", webhook.webhook_id)
    before = len(world.receivers.sent)
    await world.send()
    assert len(world.receivers.sent) == before


async def test_webhook_is_disabled_at_once_when_the_receiver_answers_410(world: World) -> None:
    webhook, _ = await world.webhook()
    world.receivers.answers[webhook.url] = AttemptResult(status=410)
    await world.publish("1")
    await world.send()
    assert (await world.webhooks.find.one(webhook.webhook_id)).disabled_reason is DisabledReason.GONE
    assert (await world.log(webhook))["1"].state is State.GIVEN_UP


async def test_events_of_a_disabled_webhook_stay_pending_for_one_day(world: World) -> None:
    webhook, _ = await world.webhook()
    await world.webhooks.disable(webhook.webhook_id)
    await world.publish("1::alice")
    world.clock.move(20 * HOUR)
    await world.publish("2::bob")
    await world.send()
    assert world.receivers.ids == []
    world.clock.move(10 * HOUR)
    await world.sweep()
    await world.webhooks.enable(webhook.webhook_id)
    await world.webhooks.enable(webhook.webhook_id)
    await world.send()
    assert world.receivers.ids == ["2"]
    names = [event["type"].split(".")[2] for event in await world.events()]
    assert names == ["created", "disabled", "enabled"]


async def test_concurrent_claims_return_each_delivery_once(world: World) -> None:
    webhook, _ = await world.webhook()
    await world.publish(*(f"{number}::user-{number}" for number in range(8)))
    claims = await asyncio.gather(*(world.deliver.claim(webhook.webhook_id, limit=4) for _ in range(4)))
    ids = [delivery.event_id for claimed in claims for delivery in claimed]
    assert len(ids) == len(set(ids)) <= 8
    world.clock.move(timedelta(seconds=61))  # all leases have ended
    rest = await world.deliver.claim(webhook.webhook_id, limit=8)
    assert len(rest) == 8


async def test_result_is_ignored_when_the_lease_has_ended(world: World) -> None:
    webhook, _ = await world.webhook()
    await world.publish("1")
    (late,) = await world.deliver.claim(webhook.webhook_id, limit=1)
    world.clock.move(timedelta(seconds=61))
    (again,) = await world.deliver.claim(webhook.webhook_id, limit=1)
    world.receivers.answers["1"] = BAD
    await world.deliver(late)
    entry = (await world.log(webhook))["1"]
    assert (entry.state, entry.attempts) == (State.PENDING, 2)
    world.receivers.answers.clear()
    await world.deliver(again)
    assert (await world.log(webhook))["1"].state is State.DELIVERED


async def test_request_that_was_not_sent_is_not_counted_as_an_attempt(world: World) -> None:
    webhook, _ = await world.webhook()
    world.receivers.answers["1"] = AttemptResult(status=None, error="BUSY", not_sent=True)
    await world.publish("1")
    await world.send()
    entry = (await world.log(webhook))["1"]
    assert (entry.attempts, list(entry.latest_attempts)) == (0, [])
    assert (await world.webhooks.find.one(webhook.webhook_id)).failing_since is None


async def test_events_are_stored_once_and_by_the_replica_with_the_lease(world: World) -> None:
    other = world.replica("there").store_events
    assert await world.store.acquire(STREAM, start=7) == 7
    assert await other.acquire(STREAM, start=0) is None
    assert await world.store(STREAM, [an_event("1")], before=7, after=8)
    world.clock.move(16 * SECOND)
    assert await other.acquire(STREAM, start=0) == 8
    assert not await world.store(STREAM, [an_event("2")], before=8, after=9)
    assert await other(STREAM, [an_event("1"), an_event("2")], before=8, after=10)
    assert (await world.dump()).count("latchkey.login.succeeded.v1") == 2


async def test_sweep_deletes_old_deliveries_and_keeps_pending_ones(world: World) -> None:
    webhook, _ = await world.webhook()
    await world.publish("1::alice")
    await world.send()
    world.clock.move(6 * DAY)
    await world.publish("2::bob")
    world.clock.move(1.5 * DAY)
    await world.sweep()
    assert set(await world.log(webhook)) == {"2"}
    assert "latchkey.login.succeeded.v1" in await world.dump()
    await world.webhooks.delete(webhook.webhook_id)
    world.clock.move(2 * HOUR)
    await world.sweep()
    dump = await world.dump()
    assert "'2'" not in dump
    with pytest.raises(InvalidRequest):
        await world.webhooks.find.one(webhook.webhook_id)

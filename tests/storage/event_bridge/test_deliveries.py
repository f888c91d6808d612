"""What is promised of webhooks: order, retries, and that nobody waits for anybody else."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from libs.oauth.errors import InvalidRequest
from services.event_bridge.domain.deliveries import Answer, State
from services.event_bridge.domain.webhooks import DisabledReason
from services.event_bridge.ports import Span
from tests.storage.event_bridge.world import BAD, DAY, DOWN, OK, STREAM, World, an_event

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


async def test_events_about_one_person_go_one_after_the_other_and_those_about_others_side_by_side(world: World) -> None:
    await world.webhook()
    await world.happen("1:login.succeeded:alice", "2:session.created:alice", "3:login.succeeded:bob")
    await world.send()
    assert world.receivers.ids == ["1", "3"]
    await world.send()
    assert world.receivers.ids == ["1", "3", "2"]


async def test_what_is_not_taken_holds_back_what_follows_about_the_same_person(world: World) -> None:
    webhook, _ = await world.webhook()
    world.receivers.answers["1"] = BAD
    await world.happen("1::alice", "2::alice", "3::bob")
    await world.send(rounds=3)
    assert world.receivers.ids == ["1", "3"]
    world.receivers.answers["1"] = OK
    world.clock.move(6 * SECOND)
    await world.send(rounds=2)
    assert world.receivers.ids == ["1", "3", "1", "2"]
    assert {each.state for each in (await world.log(webhook)).values()} == {State.DELIVERED}


async def test_telemetry_waits_for_nothing_since_no_order_is_promised(world: World) -> None:
    webhook, _ = await world.webhook()
    await world.take.begin(STREAM, start=0)
    events = [replace(an_event(str(number), "token.issued", "client"), ordered=False) for number in range(3)]
    assert await world.take(STREAM, events, before=0, after=3)
    await world.send()
    assert sorted(world.receivers.ids) == ["0", "1", "2"]
    assert {each.subject for each in (await world.log(webhook)).values()} == {"client"}


async def test_a_webhook_gets_what_it_wants_and_no_more(world: World) -> None:
    await world.webhook("https://a.example/", "login.>", "*.revoked")
    await world.webhook("https://b.example/", "session.ended")
    await world.happen("1:login.failed:a", "2:session.ended:b", "3:token.revoked:c", "4:session.created:d")
    await world.send(rounds=4)
    heard = {(sent.url, sent.event_id) for sent in world.receivers.sent}
    assert heard == {("https://a.example/", "1"), ("https://a.example/", "3"), ("https://b.example/", "2")}


async def test_a_receiver_that_is_down_gets_one_attempt_at_a_time_with_growing_rests_and_then_everything(
    world: World,
) -> None:
    webhook, _ = await world.webhook()
    world.receivers.answers[webhook.url] = DOWN
    await world.happen(*(f"{number}::person-{number}" for number in range(4)))
    await world.send()
    assert len(world.receivers.sent) == 4
    for _ in range(200):
        world.clock.move(5 * SECOND)
        await world.send()
    assert 7 < len(world.receivers.sent) < 16, "rests grow to five minutes"
    world.receivers.answers.clear()
    world.clock.move(timedelta(minutes=6))
    await world.send()
    await world.send()
    assert {each.state for each in (await world.log(webhook)).values()} == {State.DELIVERED}
    assert (await world.find.one(webhook.webhook_id)).failing_since is None


async def test_a_receiver_that_is_down_holds_up_no_other(world: World) -> None:
    await world.webhook("https://dead.example/")
    await world.webhook("https://good.example/")
    world.receivers.answers["https://dead.example/"] = DOWN
    for number in range(10):
        await world.happen(f"{number}::person-{number}")
        await world.send()
    good = [sent for sent in world.receivers.sent if sent.url == "https://good.example/"]
    assert len(good) == 10


async def test_after_a_day_an_event_is_given_up_and_an_operator_can_send_it_again(world: World) -> None:
    webhook, _ = await world.webhook()
    world.receivers.answers["1"] = BAD
    await world.happen("1")
    for _ in range(40):
        await world.send()
        world.clock.move(HOUR)
    entry = (await world.log(webhook))["1"]
    assert (entry.state, entry.next_attempt_at) == (State.GIVEN_UP, None)
    assert 10 < entry.attempts < 20
    world.receivers.answers.clear()
    assert await world.redeliver(webhook.webhook_id, Span(event_id="1")) == 1
    await world.send()
    assert (await world.log(webhook))["1"].state is State.DELIVERED
    with pytest.raises(InvalidRequest):
        await world.redeliver(webhook.webhook_id, Span(event_id="2"))


async def test_a_time_span_sends_again_what_was_given_up_and_the_rest_only_when_asked(world: World) -> None:
    webhook, _ = await world.webhook()
    world.receivers.answers["1"] = Answer(status=410)
    await world.happen("2::bob")
    await world.send()
    await world.happen("1::alice")
    await world.send()
    await world.enable(webhook.webhook_id)
    world.receivers.answers.clear()
    span = Span(since=world.clock.now() - HOUR, until=world.clock.now() + HOUR)
    assert await world.redeliver(webhook.webhook_id, span) == 1
    await world.send()
    again = Span(since=world.clock.now() - HOUR, until=world.clock.now() + HOUR, delivered_too=True)
    assert await world.redeliver(webhook.webhook_id, again) == 2
    with pytest.raises(InvalidRequest):
        await world.redeliver(webhook.webhook_id, Span())


async def test_retry_after_is_honoured_for_the_event_and_for_the_receiver(world: World) -> None:
    webhook, _ = await world.webhook()
    world.receivers.answers[webhook.url] = Answer(status=429, retry_after=timedelta(minutes=30))
    await world.happen("1::alice")
    await world.send()
    await world.happen("2::bob")
    world.receivers.answers.clear()
    world.clock.move(timedelta(minutes=29))
    await world.send()
    assert world.receivers.ids == ["1"]
    world.clock.move(timedelta(minutes=2))
    await world.send(rounds=3)
    assert world.receivers.ids[1:] in (["1", "2"], ["2", "1"])


async def test_a_receiver_that_takes_nothing_for_days_is_disabled_and_that_is_told(world: World) -> None:
    webhook, _ = await world.webhook()
    world.receivers.answers[webhook.url] = DOWN
    for hour in range(24 * 6):
        await world.happen(f"{hour}::person-{hour}")
        await world.send()
        world.clock.move(HOUR)
        await world.sweep()
    disabled = await world.find.one(webhook.webhook_id)
    assert disabled.disabled_reason is DisabledReason.FAILING
    assert disabled.failing_since is not None
    (event,) = [event for event in await world.told() if event["type"] == "latchkey.webhook.disabled.v1"]
    assert (event["reason"], event["actortype"], event["subject"]) == ("failing", "system", webhook.webhook_id)
    before = len(world.receivers.sent)
    await world.send()
    assert len(world.receivers.sent) == before


async def test_a_receiver_that_says_gone_is_disabled_at_once(world: World) -> None:
    webhook, _ = await world.webhook()
    world.receivers.answers[webhook.url] = Answer(status=410)
    await world.happen("1")
    await world.send()
    assert (await world.find.one(webhook.webhook_id)).disabled_reason is DisabledReason.GONE
    assert (await world.log(webhook))["1"].state is State.GIVEN_UP


async def test_what_happens_while_a_webhook_is_disabled_waits_for_a_day(world: World) -> None:
    webhook, _ = await world.webhook()
    await world.disable(webhook.webhook_id)
    await world.happen("1::alice")
    world.clock.move(20 * HOUR)
    await world.happen("2::bob")
    await world.send()
    assert world.receivers.ids == []
    world.clock.move(10 * HOUR)
    await world.sweep()
    await world.enable(webhook.webhook_id)
    await world.enable(webhook.webhook_id)
    await world.send()
    assert world.receivers.ids == ["2"]
    told = [event["type"].split(".")[2] for event in await world.told()]
    assert told == ["created", "disabled", "enabled"]


async def test_of_several_replicas_one_sends(world: World) -> None:
    webhook, _ = await world.webhook()
    await world.happen(*(f"{number}::person-{number}" for number in range(8)))
    claims = await asyncio.gather(*(world.deliver.claim(webhook.webhook_id, most=4) for _ in range(4)))
    ids = [delivery.event_id for claimed in claims for delivery in claimed]
    assert len(ids) == len(set(ids)) <= 8
    world.clock.move(timedelta(seconds=61))  # those who claimed have died
    rest = await world.deliver.claim(webhook.webhook_id, most=8)
    assert len(rest) == 8


async def test_a_late_answer_of_a_lost_lease_changes_nothing(world: World) -> None:
    webhook, _ = await world.webhook()
    await world.happen("1")
    (late,) = await world.deliver.claim(webhook.webhook_id, most=1)
    world.clock.move(timedelta(seconds=61))
    (again,) = await world.deliver.claim(webhook.webhook_id, most=1)
    world.receivers.answers["1"] = BAD
    await world.deliver(late)
    entry = (await world.log(webhook))["1"]
    assert (entry.state, entry.attempts) == (State.PENDING, 2)
    world.receivers.answers.clear()
    await world.deliver(again)
    assert (await world.log(webhook))["1"].state is State.DELIVERED


async def test_what_is_our_own_fault_costs_a_receiver_nothing(world: World) -> None:
    webhook, _ = await world.webhook()
    world.receivers.answers["1"] = Answer(status=None, error="BUSY", ours=True)
    await world.happen("1")
    await world.send()
    entry = (await world.log(webhook))["1"]
    assert (entry.attempts, list(entry.latest_attempts)) == (0, [])
    assert (await world.find.one(webhook.webhook_id)).failing_since is None


async def test_events_are_taken_once_and_in_one_replica(world: World) -> None:
    other = world.taker("there")
    assert await world.take.begin(STREAM, start=7) == 7
    assert await other.begin(STREAM, start=0) is None
    assert await world.take(STREAM, [an_event("1")], before=7, after=8)
    world.clock.move(16 * SECOND)
    assert await other.begin(STREAM, start=0) == 8
    assert not await world.take(STREAM, [an_event("2")], before=8, after=9)
    assert await other(STREAM, [an_event("1"), an_event("2")], before=8, after=10)
    assert (await world.dump()).count("latchkey.login.succeeded.v1") == 2


async def test_what_is_old_is_forgotten_and_what_waits_is_not(world: World) -> None:
    webhook, _ = await world.webhook()
    await world.happen("1::alice")
    await world.send()
    world.clock.move(6 * DAY)
    await world.happen("2::bob")
    world.clock.move(1.5 * DAY)
    await world.sweep()
    assert set(await world.log(webhook)) == {"2"}
    assert "latchkey.login.succeeded.v1" in await world.dump()
    await world.delete(webhook.webhook_id)
    world.clock.move(2 * HOUR)
    await world.sweep()
    dump = await world.dump()
    assert "'2'" not in dump
    with pytest.raises(InvalidRequest):
        await world.find.one(webhook.webhook_id)

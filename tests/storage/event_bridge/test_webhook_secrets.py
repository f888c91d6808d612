"""Webhook secrets: signatures, rotation, encryption at rest, absence from logs."""

import base64
import hashlib
import hmac
from datetime import timedelta

import pytest

from libs.crypto.errors import SealBroken
from libs.oauth.errors import InvalidRequest
from services.event_bridge.domain.deliveries import AttemptResult
from services.event_bridge.usecases.create_webhook import NewWebhook
from tests.storage.event_bridge.world import Sent, World

HOUR = timedelta(hours=1)


def verifies(secret: str, sent: Sent) -> bool:
    """Verify as in standard-webhooks, spec/standard-webhooks.md, without code of this project."""
    signed = f"{sent.headers['webhook-id']}.{sent.headers['webhook-timestamp']}.".encode() + sent.body
    key = base64.b64decode(secret.split("_", 1)[1])
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [each.split(",", 1) for each in sent.headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(value, expected) for version, value in given)


async def test_rotated_secret_signs_with_the_previous_one_during_the_overlap_only(world: World) -> None:
    webhook, first = await world.webhook()
    second = await world.webhooks.rotate_secret(webhook.webhook_id, overlap=HOUR)
    await world.publish("1")
    await world.send()
    assert verifies(first, world.receivers.sent[0])
    assert verifies(second, world.receivers.sent[0])
    world.clock.move(2 * HOUR)
    await world.publish("2")
    await world.send()
    assert not verifies(first, world.receivers.sent[1])
    assert verifies(second, world.receivers.sent[1])
    third = await world.webhooks.rotate_secret(webhook.webhook_id, overlap=timedelta())
    await world.publish("3")
    await world.send()
    assert [verifies(secret, world.receivers.sent[2]) for secret in (first, second, third)] == [False, False, True]
    with pytest.raises(InvalidRequest):
        await world.webhooks.rotate_secret("wh_unknown", overlap=HOUR)


async def test_signature_is_invalid_when_body_id_or_timestamp_change(world: World) -> None:
    _, secret = await world.webhook()
    await world.publish("1")
    await world.send()
    (sent,) = world.receivers.sent
    assert verifies(secret, sent)
    assert not verifies(secret, Sent(sent.url, sent.body + b" ", sent.headers))
    assert not verifies(secret, Sent(sent.url, sent.body, {**sent.headers, "webhook-id": "2"}))
    assert not verifies(secret, Sent(sent.url, sent.body, {**sent.headers, "webhook-timestamp": "1"}))


async def test_webhook_timestamp_is_the_time_of_the_attempt(world: World) -> None:
    await world.webhook()
    await world.publish("1")
    world.clock.move(HOUR)
    await world.send()
    assert world.receivers.sent[0].headers["webhook-timestamp"] == str(int(world.clock.now().timestamp()))


async def test_secret_is_encrypted_and_bound_to_its_webhook(world: World) -> None:
    webhook, secret = await world.webhook()
    other, _ = await world.webhook("https://b.example/")
    dump = await world.dump()
    assert secret not in dump
    assert secret.removeprefix("whsec_") not in dump
    async with world.work.reading() as view:
        (sealed,) = await view.webhooks.secrets(webhook.webhook_id, now=world.clock.now())
    assert world.seals.open(sealed, webhook_id=webhook.webhook_id) == secret
    with pytest.raises(SealBroken):
        world.seals.open(sealed, webhook_id=other.webhook_id)


@pytest.mark.parametrize("filters", [(), ("login",) * 33, ("Login.>",), ("login.succeeded.07",), ("",), ("a b",)])
async def test_create_webhook_refuses_invalid_filters(world: World, filters: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await world.webhooks.create(NewWebhook(url="https://a.example/", filters=filters, description=""))
    assert refusal.value.reason == "WEBHOOK_FILTER"


async def test_create_webhook_is_refused_above_the_limit(world: World) -> None:
    for _ in range(5):
        await world.webhook()
    with pytest.raises(InvalidRequest) as refusal:
        await world.webhook()
    assert refusal.value.reason == "WEBHOOKS_FULL"


async def test_test_event_is_sent_to_its_webhook_only(world: World) -> None:
    webhook, _ = await world.webhook()
    await world.webhook("https://b.example/")
    event_id = await world.webhooks.test(webhook.webhook_id)
    await world.send()
    (sent,) = world.receivers.sent
    assert (sent.event_id, sent.url) == (event_id, webhook.url)
    assert b'"test":true' in sent.body


async def test_delivery_log_contains_no_secret_when_the_receiver_repeats_it(world: World) -> None:
    webhook, secret = await world.webhook()
    bare = secret.removeprefix("whsec_")
    world.receivers.answers["1"] = AttemptResult(status=500, excerpt=f"cannot use key {bare}!")
    await world.publish("1")
    await world.send()
    ((entry,),) = [each.latest_attempts for each in (await world.log(webhook)).values()]
    assert entry.excerpt == "cannot use key [removed]!"
    assert bare not in await world.dump()

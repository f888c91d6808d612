"""Events on JetStream, read with the standard NATS client."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import nats
import pytest
from nats.errors import TimeoutError as NatsTimeoutError

from tests.flows.relying_party import RelyingParty
from tests.flows.users import new_user
from tests.support.browser import Browser
from tests.support.stack import Stack


class Feed:
    """A subscriber that stores what it received."""

    def __init__(self, subscription: Any) -> None:
        self._subscription = subscription
        self.seen: list[dict[str, Any]] = []

    async def until(self, *names: str, subject: str) -> dict[str, dict[str, Any]]:
        """The first event of each of these names about the subject; reads until all have arrived."""
        while not names_of(self._about(subject)).issuperset(names):
            try:
                message = await self._subscription.next_msg(timeout=10)
            except NatsTimeoutError:
                missing = set(names) - names_of(self._about(subject))
                raise AssertionError(f"{missing} did not arrive; received: {names_of(self.seen)}") from None
            event = json.loads(message.data)
            assert message.headers["Nats-Msg-Id"] == event["id"]
            self.seen.append(event)
        return {name: next(e for e in self._about(subject) if name_of(e) == name) for name in names}

    def _about(self, subject: str) -> list[dict[str, Any]]:
        return [event for event in self.seen if event["subject"] == subject]


def name_of(event: dict[str, Any]) -> str:
    return str(event["type"]).removeprefix("latchkey.").removesuffix(".v1")


def names_of(events: list[dict[str, Any]]) -> set[str]:
    return {name_of(event) for event in events}


@pytest.fixture
async def feed(system: Stack) -> AsyncIterator[Feed]:
    connection = await nats.connect(system.nats_url, user_credentials=system.creds(), inbox_prefix="_INBOX_subscriber")
    jetstream = connection.jetstream()
    subscription = await jetstream.subscribe("latchkey.v1.>", stream="LATCHKEY_EVENTS", ordered_consumer=True)
    yield Feed(subscription)
    await connection.close()


@pytest.fixture
async def token_feed(system: Stack) -> AsyncIterator[Feed]:
    connection = await nats.connect(system.nats_url, user_credentials=system.creds(), inbox_prefix="_INBOX_subscriber")
    subscription = await connection.jetstream().subscribe(
        "latchkey.v1.token.>", stream="LATCHKEY_TOKENS", ordered_consumer=True
    )
    yield Feed(subscription)
    await connection.close()


async def test_sign_in_emits_events_from_password_to_refresh(
    system: Stack, browser: Browser, feed: Feed, token_feed: Feed
) -> None:
    username, user_id = await new_user(system)
    async with await RelyingParty.registered(system) as client:
        token = await client.sign_in(browser, username=username)
        await client.oauth.refresh_token(refresh_token=token["refresh_token"])
        await browser.open("/logout")
        await browser.submit("logout-confirm")

        created = await feed.until("client.created", subject=client.client_id)
        assert created["client.created"]["data"]["client_name"] == "A test client"
        events = await feed.until(
            "login.succeeded", "session.created", "consent.granted", "code.redeemed", "session.ended", subject=user_id
        )
        tokens = await token_feed.until("token.issued", "token.refreshed", subject=user_id)

    login = events["login.succeeded"]
    assert login["specversion"] == "1.0"
    assert login["source"] == system.issuer
    assert login["datacontenttype"] == "application/json"
    assert login["outcome"] == "success"
    assert login["producer"] == "authentication"
    assert login["data"]["client_id"] == client.client_id
    assert login["data"]["ip_prefix"] == "127.0.0.0/24"
    assert events["consent.granted"]["data"]["scopes"] == ["openid", "profile", "email", "offline_access"]
    assert events["code.redeemed"]["data"]["grant_id"] == tokens["token.issued"]["data"]["grant_id"]
    assert tokens["token.issued"]["data"]["grant_type"] == "authorization_code"
    # All events of an authorization request have the same correlation id.
    joined = {events[name]["correlationid"] for name in ("login.succeeded", "consent.granted", "code.redeemed")}
    assert len(joined) == 1


async def test_events_about_one_user_arrive_in_commit_order(system: Stack, browser: Browser, feed: Feed) -> None:
    username, user_id = await new_user(system)
    async with await RelyingParty.registered(system, consent="skip") as client:
        await client.sign_in(browser, username=username)
        for _ in range(3):
            await client.sign_in(browser, username=username, prompt="login")
        await browser.open("/logout")
        await browser.submit("logout-confirm")
        await feed.until("session.ended", subject=user_id)
    mine = [event for event in feed.seen if event["subject"] == user_id]
    for producer in ("authentication", "token"):
        sequence = [event["subjectseq"] for event in mine if event["producer"] == producer]
        assert sequence == sorted(set(sequence))


async def test_failed_sign_in_event_does_not_contain_the_entered_username(
    system: Stack, browser: Browser, web: RelyingParty, feed: Feed
) -> None:
    secret = "my-pAssword-in-the-wrong-field"
    username, user_id = await new_user(system)
    await browser.open(web.start().url)
    await browser.sign_in(secret, "x")
    await browser.sign_in(username, "wrong")
    events = await feed.until("login.failed", subject=user_id)
    assert events["login.failed"]["outcome"] == "failure"
    assert events["login.failed"]["reason"] == "wrong_credentials"
    assert secret.lower() not in json.dumps(feed.seen).lower()


async def test_client_credentials_token_event_has_the_client_as_subject(system: Stack, token_feed: Feed) -> None:
    async with await RelyingParty.registered(
        system, grant_types=["client_credentials"], redirect_uris=[], scope="orders:read"
    ) as machine:
        await machine.token_request(grant_type="client_credentials")
        event = (await token_feed.until("token.issued", subject=machine.client_id))["token.issued"]
    assert event["data"]["scopes"] == ["orders:read"]
    assert "user_id" not in event["data"]
    assert "subjectseq" not in event


@pytest.mark.s(63)
async def test_publish_to_event_subjects_is_refused_for_other_nats_users(system: Stack) -> None:
    refusals: asyncio.Queue[Exception] = asyncio.Queue()
    for user in ("subscriber", "cli", "device"):
        connection = await nats.connect(
            system.nats_url,
            user_credentials=system.creds(user),
            inbox_prefix=f"_INBOX_{user}",
            error_cb=refusals.put,
        )
        await connection.publish("latchkey.v1.login.succeeded.00", b"{}")
        refusal = await asyncio.wait_for(refusals.get(), 10)
        assert "permissions violation" in str(refusal).lower()
        await connection.close()

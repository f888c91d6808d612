"""Without NATS users sign in and tokens are issued; the events arrive when it is back, in order and once."""

import json
from collections.abc import Iterable

import nats
import pytest

from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("chaos")


async def test_sign_in_and_tokens_work_without_nats_and_events_arrive_later(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system) as client:
        system.kill("nats")
        token = await client.sign_in(browser)
        refreshed = await client.token_request(grant_type="refresh_token", refresh_token=token["refresh_token"])
        assert refreshed.status_code == 200
        user_id = (await client.userinfo(token["access_token"])).json()["sub"]
        system.start("nats")

        connection = await nats.connect(
            system.nats_url, user_credentials=system.creds(), inbox_prefix="_INBOX_subscriber"
        )
        jetstream = connection.jetstream()
        seen: dict[str, dict[str, object]] = {}
        # Each service tells its own in order; which of two services is first nobody promises.
        events = {"login.succeeded", "consent.granted", "code.redeemed"}
        for stream, awaited in (("LATCHKEY_EVENTS", events), ("LATCHKEY_TOKENS", {"token.refreshed"})):
            subscription = await jetstream.subscribe("latchkey.v1.>", stream=stream, ordered_consumer=True)
            while not awaited <= told_of(user_id, seen.values()):
                event = json.loads((await subscription.next_msg(timeout=20)).data)
                assert event["id"] not in seen
                seen[event["id"]] = event
        await connection.close()


def told_of(user_id: str, events: Iterable[dict[str, object]]) -> set[str]:
    """Names of the events about one user."""
    types = {str(event["type"]) for event in events if event["subject"] == user_id}
    return {name.removeprefix("latchkey.").removesuffix(".v1") for name in types}


async def test_services_start_without_nats(system: Stack, browser: Browser) -> None:
    system.kill("nats", "token")
    system.start("token")
    async with await RelyingParty.registered(system) as client:
        await client.sign_in(browser)
    system.start("nats")

"""Without NATS people sign in and tokens are issued; the facts arrive when it is back, in order and once."""

import json

import nats
import pytest

from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("chaos-nats")


async def test_sign_in_and_tokens_go_on_and_the_facts_arrive_later(system: Stack, browser: Browser) -> None:
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
        for stream, last in (("LATCHKEY_EVENTS", "code.redeemed"), ("LATCHKEY_TOKENS", "token.refreshed")):
            subscription = await jetstream.subscribe("latchkey.v1.>", stream=stream, ordered_consumer=True)
            while f"latchkey.{last}.v1" not in {event["type"] for event in seen.values()}:
                event = json.loads((await subscription.next_msg(timeout=20)).data)
                assert event["id"] not in seen
                seen[event["id"]] = event
        await connection.close()
    mine = [event["type"] for event in seen.values() if event["subject"] == user_id]
    assert {"latchkey.login.succeeded.v1", "latchkey.consent.granted.v1", "latchkey.code.redeemed.v1"} <= set(mine)


async def test_services_start_without_nats(system: Stack, browser: Browser) -> None:
    system.kill("nats", "token")
    system.start("token")
    async with await RelyingParty.registered(system) as client:
        await client.sign_in(browser)
    system.start("nats")

"""Users sign in and get tokens without NATS; the events are published once and in order after NATS is back."""

import json
from collections.abc import Iterable

import nats
import pytest

from latchkey.authentication.v1 import admin_pb2
from latchkey.authentication.v1.admin_pb2_grpc import UserAdminServiceStub
from tests.flows.relying_party import RelyingParty
from tests.flows.users import new_user
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
        # The order is guaranteed for the events of one service, not between services.
        events = {"login.succeeded", "consent.granted", "code.redeemed"}
        for stream, awaited in (("LATCHKEY_EVENTS", events), ("LATCHKEY_TOKENS", {"token.refreshed"})):
            subscription = await jetstream.subscribe("latchkey.v1.>", stream=stream, ordered_consumer=True)
            while not awaited <= names_about(user_id, seen.values()):
                event = json.loads((await subscription.next_msg(timeout=20)).data)
                assert event["id"] not in seen
                seen[event["id"]] = event
        await connection.close()


def names_about(user_id: str, events: Iterable[dict[str, object]]) -> set[str]:
    """Names of the events about one user."""
    types = {str(event["type"]) for event in events if event["subject"] == user_id}
    return {name.removeprefix("latchkey.").removesuffix(".v1") for name in types}


@pytest.mark.s(36)
async def test_password_change_ends_offline_grants_without_nats(system: Stack) -> None:
    """Events only make revocation faster: an attacker who disturbs NATS keeps no stolen refresh token alive."""
    username, _ = await new_user(system)
    async with (
        await RelyingParty.registered(system) as client,
        Browser(system.issuer) as browser,
        system.channel("authentication") as channel,
    ):
        stolen = await client.sign_in(browser, username=username)
        system.kill("nats")
        request = admin_pb2.SetPasswordRequest(username=username, password=f"{username}-changed")
        await UserAdminServiceStub(channel).SetPassword(request)
        refused = await client.token_request(grant_type="refresh_token", refresh_token=stolen["refresh_token"])
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        assert (await client.userinfo(stolen["access_token"])).status_code == 401
        system.start("nats")


async def test_services_start_without_nats(system: Stack, browser: Browser) -> None:
    system.kill("nats", "token")
    system.start("token")
    async with await RelyingParty.registered(system) as client:
        await client.sign_in(browser)
    system.start("nats")

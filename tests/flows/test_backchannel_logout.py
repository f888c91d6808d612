"""OpenID Connect Back-Channel Logout 1.0 against running services and a client with TLS."""

import asyncio
import queue
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from latchkey.authentication.v1 import admin_pb2
from latchkey.authentication.v1.admin_pb2_grpc import UserAdminServiceStub
from tests.flows.logout_receiver import LogoutRequest, Receiver, receiving
from tests.flows.relying_party import RelyingParty, verified
from tests.flows.users import new_user
from tests.support.browser import Browser
from tests.support.stack import Stack, running_stack

pytestmark = pytest.mark.xdist_group("back-channel-logout")

EVENT = "http://schemas.openid.net/event/backchannel-logout"
AFTERWARDS = "https://client.example/signed-out"


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with receiving(tmp_path_factory.mktemp("clients")) as running:
        yield running


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Stack]:
    """A system that may send requests to the private addresses of the clients of these tests."""
    with running_stack(tmp_path_factory.mktemp("stack"), environment=receiver.environment) as running:
        yield running


async def a_client(system: Stack, receiver: Receiver, **metadata: Any) -> tuple[RelyingParty, str]:
    """A client with a back-channel logout URI, and the path of this URI."""
    path = f"/logout/{secrets.token_hex(8)}"
    members = {
        "consent": "skip",
        "post_logout_redirect_uris": [AFTERWARDS],
        "backchannel_logout_uri": receiver.uri(path),
        "backchannel_logout_session_required": True,
        **metadata,
    }
    return await RelyingParty.registered(system, **members), path


async def received(receiver: Receiver, path: str) -> LogoutRequest:
    return await asyncio.to_thread(receiver.next, path)


async def sign_out(browser: Browser, id_token: str) -> None:
    query = urlencode({"id_token_hint": id_token, "post_logout_redirect_uri": AFTERWARDS, "state": "s"})
    page = await browser.open(f"/logout?{query}")
    assert page.url == f"{AFTERWARDS}?state=s"


async def test_discovery_contains_back_channel_logout_with_sid(system: Stack) -> None:
    async with httpx2.AsyncClient() as http:
        metadata = (await http.get(f"{system.issuer}/.well-known/openid-configuration")).json()
    assert metadata["backchannel_logout_supported"] is True
    assert metadata["backchannel_logout_session_supported"] is True


@pytest.mark.conformance("oidcc-backchannel-rp-initiated-logout")
@pytest.mark.s(28, 42)
@pytest.mark.parametrize("alg", ["RS256", "ES256"])
async def test_sign_out_sends_a_logout_token_to_the_client(
    system: Stack, receiver: Receiver, browser: Browser, alg: str
) -> None:
    client, path = await a_client(system, receiver, id_token_signed_response_alg=alg)
    async with client:
        token = await client.sign_in(browser)
        login = await verified(system, token["id_token"], audience=client.client_id, alg=alg, typ="JWT")
        await sign_out(browser, token["id_token"])
        delivery = await received(receiver, path)
    assert delivery.content_type == "application/x-www-form-urlencoded"
    assert delivery.tls == "TLSv1.3"
    claims = await verified(system, delivery.logout_token, audience=client.client_id, alg=alg, typ="logout+jwt")
    assert claims["events"] == {EVENT: {}}
    assert (claims["sub"], claims["sid"]) == (login["sub"], login["sid"])
    assert claims["jti"]
    assert "nonce" not in claims
    assert claims.keys() == {"iss", "aud", "iat", "exp", "jti", "events", "sub", "sid"}
    assert timedelta(seconds=claims["exp"] - claims["iat"]) == timedelta(minutes=2)
    assert receiver.has_received_nothing_more(path)


@pytest.mark.s(42)
async def test_sign_out_notifies_every_client_of_this_session_only(
    system: Stack, receiver: Receiver, browser: Browser
) -> None:
    (first, here), (second, there) = await a_client(system, receiver), await a_client(system, receiver)
    async with first, second, Browser(system.issuer) as elsewhere:
        token = await first.sign_in(browser)
        await second.sign_in(browser)
        other = await second.sign_in(elsewhere)
        await sign_out(browser, token["id_token"])
        notified = {(await received(receiver, path)).path for path in (here, there)}
        assert notified == {here, there}
        assert receiver.has_received_nothing_more(there)
        assert (await second.userinfo(other["access_token"])).status_code == 200


@pytest.mark.s(42)
async def test_failed_logout_delivery_is_retried(system: Stack, receiver: Receiver, browser: Browser) -> None:
    client, path = await a_client(system, receiver)
    receiver.answers[path] = [503]
    async with client:
        token = await client.sign_in(browser)
        await sign_out(browser, token["id_token"])
        first, second = await received(receiver, path), await received(receiver, path)
    ids = []
    for delivery in (first, second):
        claims = await verified(system, delivery.logout_token, audience=client.client_id, alg="RS256", typ="logout+jwt")
        ids.append(claims["jti"])
    assert len(set(ids)) == 2


@pytest.mark.s(42)
async def test_rejected_logout_delivery_is_not_retried(system: Stack, receiver: Receiver, browser: Browser) -> None:
    (stubborn, no), (willing, yes) = await a_client(system, receiver), await a_client(system, receiver)
    receiver.answers[no] = [400]
    receiver.answers[yes] = [503]
    async with stubborn, willing:
        token = await stubborn.sign_in(browser)
        await willing.sign_in(browser)
        await sign_out(browser, token["id_token"])
        await received(receiver, no)
        for _ in range(2):
            await received(receiver, yes)  # the retry after the 503 has arrived
        assert receiver.has_received_nothing_more(no)


@pytest.mark.s(42, 43)
@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "localhost", "[::1]", "latchkey.internal"])
async def test_logout_delivery_to_an_internal_address_is_refused(
    system: Stack, receiver: Receiver, browser: Browser, host: str
) -> None:
    """The logout succeeds; the delivery is refused before a request is sent."""
    uri = f"https://{host}:{receiver.port}/logout"
    client = await RelyingParty.registered(
        system, consent="skip", backchannel_logout_uri=uri, post_logout_redirect_uris=[AFTERWARDS]
    )
    async with client:
        token = await client.sign_in(browser)
        await sign_out(browser, token["id_token"])
        async with asyncio.timeout(30):
            while not (refusals := _lines(system, "backchannel_logout.failed", client.client_id)):  # noqa: ASYNC110 - elsewhere
                await asyncio.sleep(0.05)
    assert all("fetch refused" in line for line in refusals)
    with pytest.raises(queue.Empty):
        receiver.next("/logout", seconds=0.1)


def _lines(system: Stack, event: str, client_id: str) -> list[str]:
    return [line for line in system.log("token").splitlines() if event in line and client_id in line]


@pytest.mark.s(24)
async def test_disabled_user_is_logged_out_at_every_client(system: Stack, receiver: Receiver, browser: Browser) -> None:
    username, user_id = await new_user(system)
    client, path = await a_client(system, receiver)
    async with client:
        token = await client.sign_in(browser, username=username)
        async with system.channel("authentication") as channel:
            await UserAdminServiceStub(channel).DisableUser(admin_pb2.DisableUserRequest(username=username))
        delivery = await received(receiver, path)
        claims = await verified(system, delivery.logout_token, audience=client.client_id, alg="RS256", typ="logout+jwt")
        assert claims["sub"] == user_id
        refreshed = await client.token_request(grant_type="refresh_token", refresh_token=token["refresh_token"])
        assert refreshed.json()["error"] == "invalid_grant"

"""Each service is killed in the middle of a sign-in: the user can try again, and no event is lost."""

import json
from collections.abc import Awaitable, Callable

import httpx2
import nats
import pytest

from deploy.provision.topology import SERVICE_NAMES
from tests.flows.relying_party import RelyingParty, Started
from tests.support.browser import Browser, Page
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("chaos")

SERVICES = tuple(sorted(SERVICE_NAMES))


async def _until_it_works(step: Callable[[], Awaitable[Page]]) -> Page:
    """Repeats the step while the page asks the user to try again."""
    for _ in range(20):
        page = await step()
        if page.status != 503:
            return page
        assert page.name == "error", page.text
        assert "try again" in page.text.lower()
    raise AssertionError("it never came back")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("when", ["before sign-in", "before consent", "before the code is redeemed"])
async def test_sign_in_continues_after_every_service_was_killed(
    system: Stack, browser: Browser, service: str, when: str
) -> None:
    async with await RelyingParty.registered(system) as client:
        started = client.start()
        page = await browser.open(started.url)
        if when == "before sign-in":
            system.restart(service)
        page = await _until_it_works(browser.sign_in)
        assert page.name == "consent", page.text
        if when == "before consent":
            system.restart(service)
        page = await _until_it_works(lambda: browser.submit("consent-allow"))
        if when == "before the code is redeemed":
            system.restart(service)
        token = await client.finish(started, page)
        user_id = (await client.userinfo(token["access_token"])).json()["sub"]
        await _events_arrive(system, user_id, client, started)


async def _events_arrive(system: Stack, user_id: str, client: RelyingParty, _started: Started) -> None:
    """Asserts that every event of this sign-in is on the stream once."""
    connection = await nats.connect(system.nats_url, user_credentials=system.creds(), inbox_prefix="_INBOX_subscriber")
    subscription = await connection.jetstream().subscribe(
        "latchkey.v1.>", stream="LATCHKEY_EVENTS", ordered_consumer=True
    )
    missing = {"login.succeeded", "consent.granted", "code.redeemed"}
    seen: list[str] = []
    while missing:
        event = json.loads((await subscription.next_msg(timeout=20)).data)
        assert event["id"] not in seen
        seen.append(event["id"])
        if event["subject"] == user_id and event["data"].get("client_id") == client.client_id:
            missing.discard(event["type"].removeprefix("latchkey.").removesuffix(".v1"))
    await connection.close()


async def test_error_page_asks_to_try_again_while_a_service_is_unavailable(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system) as client:
        for service in ("token", "authentication"):
            started = client.start()
            await browser.client.get("/")
            page = await browser.open(started.url)
            system.kill(service)
            page = await browser.sign_in() if page.name == "login" else await browser.open(started.url)
            assert (page.status, page.name, page.error) == (503, "error", "temporarily_unavailable")
            assert int(page.headers["retry-after"]) > 0
            assert "Traceback" not in page.text
            system.start(service)
        await client.sign_in(browser)


async def test_tokens_are_issued_without_key_rotation(system: Stack) -> None:
    async with await RelyingParty.registered(system, grant_types=["client_credentials"], redirect_uris=[]) as machine:
        system.kill("key-rotation")
        for _ in range(3):
            assert (await machine.token_request(grant_type="client_credentials")).status_code == 200
        async with httpx2.AsyncClient() as client:
            assert (await client.get(f"{system.issuer}/jwks")).status_code == 200
        system.start("key-rotation")

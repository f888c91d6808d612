"""`session_state` in error responses, computed from the session of the browser (OpenID Connect Session Management 1.0, 2)."""

import hashlib

from latchkey.authentication.v1.admin_pb2 import SetPasswordRequest
from latchkey.authentication.v1.admin_pb2_grpc import UserAdminServiceStub
from tests.flows.databases import on_postgresql
from tests.flows.relying_party import RelyingParty
from tests.flows.users import new_user
from tests.support.browser import Browser, Page
from tests.support.stack import Stack

pytestmark = on_postgresql

ORIGIN = "https://client.example"


def expected(client: RelyingParty, browser: Browser, received: str) -> str:
    """session_state, computed from the cookie of the frame and the salt of the response."""
    salt = received.partition(".")[2]
    state = browser.client.cookies.get("latchkey-state") or ""
    return hashlib.sha256(f"{client.client_id} {ORIGIN} {state} {salt}".encode()).hexdigest() + f".{salt}"


def error_of(page: Page, error: str) -> str:
    """session_state of an error response."""
    assert page.left
    assert page.parameters["error"] == error
    return page.parameters["session_state"]


async def test_session_state_is_returned_with_errors(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system) as client:
        signed_out = error_of(await browser.open(client.start(prompt="none").url), "login_required")
        assert signed_out == expected(client, browser, signed_out)

        await browser.open(client.start().url)
        await browser.sign_in()
        denied = error_of(await browser.submit("consent-deny"), "access_denied")
        assert denied == expected(client, browser, denied)
        assert browser.client.cookies.get("latchkey-state")
        asked = error_of(await browser.open(client.start(prompt="none").url), "consent_required")
        assert asked == expected(client, browser, asked)

        await browser.open("/logout")
        await browser.submit("logout-confirm")
        assert denied != expected(client, browser, denied)
        gone = error_of(await browser.open(client.start(prompt="none").url), "login_required")
        assert gone == expected(client, browser, gone)


async def test_session_state_changes_when_the_session_ended_elsewhere(system: Stack, browser: Browser) -> None:
    username, _ = await new_user(system)
    async with await RelyingParty.registered(system, consent="skip") as client:
        await browser.open(client.start().url)
        page = await browser.sign_in(username, f"{username}-password")
        before = page.parameters["session_state"]
        assert before == expected(client, browser, before)
        request = SetPasswordRequest(username=username, password="another-password")
        async with system.channel("authentication") as channel:
            await UserAdminServiceStub(channel).SetPassword(request)
        after = error_of(await browser.open(client.start(prompt="none").url), "login_required")
        assert after == expected(client, browser, after)
        assert before != expected(client, browser, before)


async def test_session_state_is_returned_for_openid_requests_only(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system, scope="openid orders:read") as client:
        page = await browser.open(client.start(scope="orders:read", prompt="none").url)
        assert page.parameters["error"] == "login_required"
        assert "session_state" not in page.parameters

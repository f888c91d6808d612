"""A television shows a code and waits."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from deploy.playground.config import Playground
from tests.unit.playground.browser import Browser
from tests.unit.playground.provider import Provider
from tests.unit.playground.running import a_playground, running

FLOW = "device"


class Clock:
    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def now(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def playground(provider: Provider, clock: Clock) -> AsyncIterator[Playground]:
    playground = a_playground(provider.issuer)
    async with running(playground, now=clock.now):
        yield playground


async def look_again(browser: Browser, clock: Clock) -> None:
    """The page loads itself when it said it would."""
    found = re.search(r'<meta http-equiv="refresh" content="(\d+); url=(/\?at=\d+)#device">', browser.page)
    assert found, "the page does not load itself again"
    clock.moment += timedelta(seconds=int(found[1]))
    await browser.open(browser.address + found[2])


async def test_device_code_is_shown_and_page_polls(browser: Browser, provider: Provider) -> None:
    await browser.press(FLOW, FLOW)
    assert browser.steps == ["discovery", "device-authorization", "poll"]
    assert '<output id="user-code">WDJB-MJHT</output>' in browser.page
    assert f'href="{provider.issuer}/device?user_code=WDJB-MJHT"' in browser.page
    assert '<meta http-equiv="refresh" content="5; url=/?at=' in browser.page
    assert re.search(r'<svg [^>]*class="qr"><path [^>]*stroke="#000"', browser.page)
    assert provider.token_requests == []  # not before its time


async def test_device_polls_until_user_decides(browser: Browser, provider: Provider, clock: Clock) -> None:
    provider.device_answers = ["authorization_pending", "slow_down", "authorization_pending"]
    await browser.press(FLOW, FLOW)
    for seconds in (5, 10, 10):
        await look_again(browser, clock)
        assert f'content="{seconds}; ' in browser.page
    assert browser.text.count("400 Bad Request") == 3
    await look_again(browser, clock)
    assert browser.error is None
    assert browser.steps == ["discovery", "device-authorization", "poll", "jwks", "id-token", "userinfo"]
    assert browser.signed_in_as == "Ada Lovelace (ada)"
    assert "at the television" in browser.text
    assert "logout" not in browser.can_press  # its session is in another browser
    assert 'http-equiv="refresh"' not in browser.page
    assert not any(secret in browser.page for secret in provider.issued if secret)


async def test_device_does_not_poll_before_interval(browser: Browser, provider: Provider, clock: Clock) -> None:
    await browser.press(FLOW, FLOW)
    clock.moment += timedelta(seconds=4)
    await browser.open(browser.address)
    assert provider.token_requests == []
    assert '<meta http-equiv="refresh" content="1; ' in browser.page


async def test_page_does_not_reload_when_another_flow_was_started(
    browser: Browser, provider: Provider, clock: Clock
) -> None:
    provider.device_answers = ["authorization_pending"]
    await browser.press(FLOW, FLOW)
    await browser.press("client-credentials", "client-credentials")
    assert 'http-equiv="refresh"' not in browser.page
    clock.moment += timedelta(seconds=5)
    await browser.open(browser.address)  # the page still polls on each load
    assert [form["grant_type"] for form in provider.token_requests][1:] == [
        "urn:ietf:params:oauth:grant-type:device_code"
    ]
    await browser.press(FLOW, FLOW)
    assert 'http-equiv="refresh"' in browser.page


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("access_denied", "access_denied"),
        ("expired_token", "expired_device_code"),
        ("invalid_grant", "invalid_grant"),
    ],
)
async def test_end_of_polling_is_explained(
    browser: Browser, provider: Provider, clock: Clock, answer: str, error: str
) -> None:
    provider.device_answers = [answer]
    await browser.press(FLOW, FLOW)
    await look_again(browser, clock)
    assert browser.error == error
    assert browser.signed_in_as is None
    assert 'http-equiv="refresh"' not in browser.page


async def test_server_without_device_endpoint_is_explained(browser: Browser, provider: Provider) -> None:
    provider.lie_in_metadata = lambda metadata: metadata.pop("device_authorization_endpoint")
    await browser.press(FLOW, FLOW)
    assert browser.error == "incomplete_metadata"


async def test_page_shows_only_latest_polls(browser: Browser, provider: Provider, clock: Clock) -> None:
    provider.device_answers = ["authorization_pending"] * 12
    await browser.press(FLOW, FLOW)
    for _ in range(12):
        await look_again(browser, clock)
    assert browser.text.count("400 Bad Request") == 8

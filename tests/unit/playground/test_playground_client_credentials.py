"""A machine gets a token."""

from deploy.playground.config import Playground
from tests.unit.playground.browser import Browser
from tests.unit.playground.provider import Provider
from tests.unit.playground.running import a_playground, free_port, running

FLOW = "client-credentials"


async def test_client_credentials_token_is_decoded(browser: Browser, provider: Provider) -> None:
    await browser.press(FLOW, FLOW)
    assert browser.steps == ["discovery", "token"]
    assert browser.error is None
    assert "an access token (RFC 9068)" in browser.text
    assert provider.token_requests == [{"grant_type": "client_credentials"}]
    assert browser.signed_in_as is None


async def test_wrong_client_secret_is_explained(browser: Browser, provider: Provider) -> None:
    provider.token_refusal = (401, {"error": "invalid_client"})
    await browser.press(FLOW, FLOW)
    assert browser.error == "invalid_client"
    assert "restart make run" in browser.text


async def test_unreachable_server_is_explained() -> None:
    playground = a_playground(f"http://localhost:{free_port()}")
    async with running(playground), Browser(playground.address).client as client:
        browser = Browser(playground.address)
        browser.client = client
        await browser.press(FLOW, FLOW)
    assert browser.error == "unreachable"
    assert "No response." in browser.text


async def test_html_instead_of_json_is_explained(browser: Browser, provider: Provider) -> None:
    provider.token_refusal = (502, {})
    await browser.press(FLOW, FLOW)
    assert browser.error == "http_error"


async def test_server_without_oauth_is_explained(playground: Playground) -> None:
    other = a_playground(playground.address)  # the playground is no authorization server
    async with running(other), Browser(other.address).client as client:
        browser = Browser(other.address)
        browser.client = client
        await browser.press(FLOW, FLOW)
    assert browser.error == "http_error"

"""A machine gets a token."""

from deploy.playground.config import Playground
from tests.unit.playground.browser import Browser
from tests.unit.playground.provider import Provider
from tests.unit.playground.running import a_playground, free_port, running

FLOW = "client-credentials"


async def test_a_machine_gets_a_token_and_it_is_opened(browser: Browser, provider: Provider) -> None:
    await browser.press(FLOW, FLOW)
    assert browser.steps == ["discovery", "token"]
    assert browser.error is None
    assert "an access token (RFC 9068)" in browser.text
    assert provider.token_requests == [{"grant_type": "client_credentials"}]
    assert browser.signed_in_as is None


async def test_a_wrong_secret_is_explained(browser: Browser, provider: Provider) -> None:
    provider.token_refusal = (401, {"error": "invalid_client"})
    await browser.press(FLOW, FLOW)
    assert browser.error == "invalid_client"
    assert "restart make run" in browser.text


async def test_a_server_that_is_not_there_is_explained() -> None:
    playground = a_playground(f"http://localhost:{free_port()}")
    async with running(playground), Browser(playground.address).client as client:
        browser = Browser(playground.address)
        browser.client = client
        await browser.press(FLOW, FLOW)
    assert browser.error == "unreachable"
    assert "No answer came." in browser.text


async def test_a_page_in_place_of_a_document_is_explained(browser: Browser, provider: Provider) -> None:
    provider.token_refusal = (502, {})
    await browser.press(FLOW, FLOW)
    assert browser.error == "http_error"


async def test_a_server_that_speaks_no_oauth_is_explained(playground: Playground) -> None:
    other = a_playground(playground.address)  # the playground is no authorization server
    async with running(other), Browser(other.address).client as client:
        browser = Browser(other.address)
        browser.client = client
        await browser.press(FLOW, FLOW)
    assert browser.error == "http_error"

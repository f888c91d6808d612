"""A callback that redirects on to a mobile app, in Chromium: form-action must not block it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.async_api import Page, expect

from tests.flows.relying_party import RelyingParty
from tests.flows.users import new_user
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("sqlite")


@pytest.fixture
def callback() -> Iterator[tuple[str, list[str]]]:
    """A redirect URI whose server redirects to a private scheme, and the paths that browsers requested there."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", "com.example.app://done")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/cb", asked
        server.shutdown()


@pytest.mark.parametrize("consent", ["skip", "required"])
async def test_callback_may_redirect_to_a_private_scheme(
    stack: Stack, page: Page, callback: tuple[str, list[str]], consent: str
) -> None:
    uri, asked = callback
    client = await RelyingParty.registered(stack, redirect_uris=[uri], consent=consent)
    username, _ = await new_user(stack)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await page.goto(client.start().url)
    await page.fill("#username", username)
    await page.fill("#password", f"{username}-password")
    async with page.expect_request(lambda request: request.url.startswith(uri)):
        await page.click("#login-submit")
        if consent == "required":
            await page.click("#consent-allow")
    await expect(page.locator("main[data-page=continue]")).to_be_visible()
    assert asked
    assert not [text for text in said if "form-action" in text]

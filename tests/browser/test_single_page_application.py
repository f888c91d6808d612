"""oidc-client-ts in a real browser: a single-page application without a server of its own."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.flows.relying_party import RelyingParty
from tests.support.npm_packages import PackagesUnavailableError, installed
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("sqlite")

PAGE = Path(__file__).with_name("spa.html")


@contextmanager
def serving(pages: dict[str, bytes]) -> Iterator[str]:
    """Serves the application at every other path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if path.endswith(".js") else "text/html")
            self.end_headers()
            self.wfile.write(pages.get(path, pages["/"]))

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
async def page(stack: Stack, chromium: Browser) -> AsyncIterator[Page]:
    """Opens the application."""
    try:
        library = installed() / "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js"
    except PackagesUnavailableError as reason:
        pytest.skip(str(reason))
    pages = {"/oidc-client-ts.js": library.read_bytes()}
    with serving(pages) as url:
        client = await RelyingParty.registered(
            stack,
            token_endpoint_auth_method="none",
            redirect_uris=[f"{url}/callback"],
            post_logout_redirect_uris=[f"{url}/"],
        )
        configuration = {
            "authority": stack.issuer,
            "client_id": client.client_id,
            "redirect_uri": f"{url}/callback",
            "post_logout_redirect_uri": f"{url}/",
            "scope": "openid email offline_access",
            "loadUserInfo": True,
            "automaticSilentRenew": False,
        }
        pages["/"] = PAGE.read_text().replace("CONFIGURATION", json.dumps(configuration)).encode()
        opened = await (await chromium.new_context()).new_page()
        await opened.goto(url)
        yield opened
        await opened.context.close()


async def said(page: Page, word: str) -> list[str]:
    await expect(page.locator("#said")).to_contain_text(word + " ")
    return (await page.locator("#said").inner_text()).removeprefix(word).split()


async def test_user_signs_in_refreshes_and_signs_out(page: Page) -> None:
    await page.click("#sign-in")
    await page.fill("#username", "alice")
    await page.fill("#password", "alice-password")
    await page.click("#login-submit")
    await page.click("#consent-allow")
    subject, email, first = await said(page, "signed in")
    assert email == "alice@example.com"  # from userinfo, across origins

    await page.click("#refresh")
    assert (await said(page, "refreshed"))[0] == subject
    assert (await said(page, "refreshed"))[2] != first

    # prompt=none in a hidden frame: any program on this machine could pretend to be a client at localhost.
    await page.click("#silently")
    await expect(page.locator("#said")).to_contain_text("consent_required")

    await page.click("#sign-in")
    await page.click("#consent-allow")
    assert (await said(page, "signed in"))[0] == subject
    await page.click("#sign-out")
    await expect(page.locator("#said")).to_have_text("no user")
    await page.click("#silently")
    await expect(page.locator("#said")).to_contain_text("login_required")
    await page.click("#sign-in")
    await expect(page.locator("#username")).to_be_visible()

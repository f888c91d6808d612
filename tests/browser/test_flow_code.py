"""The code that `latchkey flow advise` prints works in a real browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.async_api import Browser, expect

from tests.flows.test_flow_code import IN_PAGES, pasted
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("sqlite")


@contextmanager
def a_web_server(pages: dict[str, str]) -> Iterator[str]:
    """Serves `pages["body"]` at every path; returns the callback URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f"<!doctype html><title>A page</title><body>{pages['body']}".encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}/callback"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("program", sorted(IN_PAGES))
async def test_browser_client_signs_in_with_authorization_code(stack: Stack, chromium: Browser, program: str) -> None:
    pages: dict[str, str] = {}
    with a_web_server(pages) as callback:
        pages["body"] = await pasted(stack, program, "--redirect-uri", callback)
        page = await (await chromium.new_context()).new_page()
        await page.goto(callback)
        await page.fill("#username", "alice")
        await page.fill("#password", "alice-password")
        await page.click("#login-submit")
        await page.click("#consent-allow")
        await expect(page.locator("body")).to_have_text("Alice Marie Liddell")
        assert page.url == callback  # the response parameters are removed from the URL

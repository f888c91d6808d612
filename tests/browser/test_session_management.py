"""The session check frame and the frames of front-channel logout in a real browser."""

import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from tests.flows.relying_party import RelyingParty
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("sqlite")

WATCHING = """<!doctype html><title>asking</title>
<iframe src="{frame}" onload="this.contentWindow.postMessage('{asked}', '{issuer}')"></iframe>
<script>addEventListener("message", e => {{ document.title = e.origin === "{issuer}" ? e.data : "wrong origin" }})</script>
"""

TITLE = "<script>addEventListener('message', e => {{ document.title = e.data }})</script>"
SANDBOXED = {
    "the page that asks": """<!doctype html><title>asking</title>
<iframe src="{frame}" onload="document.getElementById('asker').srcdoc = document.getElementById('asking').innerHTML"></iframe>
<iframe id="asker" sandbox="allow-scripts"></iframe>
<template id="asking"><script>
addEventListener("message", e => parent.postMessage(e.data, "*"));
parent.frames[0].postMessage("{asked}", "{issuer}");
</script></template>"""
    + TITLE,
    "the frame itself": """<!doctype html><title>asking</title>
<iframe sandbox="allow-scripts" src="{frame}" onload="this.contentWindow.postMessage('{asked}', '*')"></iframe>"""
    + TITLE,
}


@dataclass
class Application:
    """A client's web server: it records requests and serves one page."""

    origin: str
    page: str = "<!doctype html><title>here</title>"
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def application() -> Iterator[Application]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(served.page.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served = Application(f"http://localhost:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@pytest.fixture
async def client(stack: Stack, application: Application) -> AsyncIterator[RelyingParty]:
    async with await RelyingParty.registered(
        stack,
        redirect_uris=[f"{application.origin}/callback"],
        post_logout_redirect_uris=[f"{application.origin}/bye"],
        frontchannel_logout_uri=f"{application.origin}/front",
        consent="skip",
    ) as party:
        yield party


@pytest.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    context = await chromium.new_context()
    yield await context.new_page()
    await context.close()


async def sign_in(page: Page, client: RelyingParty, application: Application) -> dict[str, str]:
    """Signs in; returns the parameters of the authorization response."""
    await page.goto(client.start().url)
    await page.fill("#username", "alice")
    await page.fill("#password", "alice-password")
    await page.click("#login-submit")
    await page.wait_for_url(f"{application.origin}/callback**")
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


@pytest.mark.conformance("oidcc-session-management-rp-initiated-logout")
async def test_check_session_frame_reports_session_changes(
    page: Page, stack: Stack, client: RelyingParty, application: Application
) -> None:
    state = (await sign_in(page, client, application))["session_state"]

    async def send_to_frame(asked: str) -> None:
        application.page = WATCHING.format(frame=f"{stack.issuer}/check-session", asked=asked, issuer=stack.issuer)
        await page.goto(f"{application.origin}/watch")

    await send_to_frame(f"{client.client_id} {state}")
    await expect(page).to_have_title("unchanged")
    await send_to_frame(f"c_another {state}")
    await expect(page).to_have_title("changed")
    for nonsense in ("", client.client_id, f"{client.client_id} nodot", f"{client.client_id} {state} more"):
        await send_to_frame(nonsense)
        await expect(page).to_have_title("error")

    await page.goto(f"{stack.issuer}/logout")
    await page.click("#logout-confirm")
    await expect(page.locator("main[data-page=signed-out]")).to_be_visible()
    await send_to_frame(f"{client.client_id} {state}")
    await expect(page).to_have_title("changed")


@pytest.mark.parametrize("visible", [True, False])
async def test_check_session_frame_reports_no_change_when_the_browser_hides_cookies(
    page: Page, stack: Stack, client: RelyingParty, application: Application, *, visible: bool
) -> None:
    """With third-party cookies blocked, a frame in another site sees no cookie, whether or not the session changed."""
    state = (await sign_in(page, client, application))["session_state"]
    await page.context.clear_cookies()
    await page.add_init_script(f"document.hasStorageAccess = () => Promise.resolve({str(visible).lower()})")
    asked = f"{client.client_id} {state}"
    application.page = WATCHING.format(frame=f"{stack.issuer}/check-session", asked=asked, issuer=stack.issuer)
    await page.goto(f"{application.origin}/watch")
    await expect(page).to_have_title("changed" if visible else "error")


@pytest.mark.parametrize("sandboxed", SANDBOXED)
async def test_check_session_frame_responds_error_to_a_null_origin(
    page: Page, stack: Stack, client: RelyingParty, application: Application, sandboxed: str
) -> None:
    asked = f"{client.client_id} {(await sign_in(page, client, application))['session_state']}"
    frame = f"{stack.issuer}/check-session"
    application.page = SANDBOXED[sandboxed].format(frame=frame, asked=asked, issuer=stack.issuer)
    await page.goto(f"{application.origin}/watch")
    await expect(page).to_have_title("error")


async def test_logout_loads_the_front_channel_frame_and_redirects(
    page: Page, stack: Stack, client: RelyingParty, application: Application
) -> None:
    await sign_in(page, client, application)
    query = {"client_id": client.client_id, "post_logout_redirect_uri": f"{application.origin}/bye", "state": "s"}
    await page.goto(f"{stack.issuer}/logout?{urlencode(query)}")
    await page.click("#logout-confirm")
    await page.wait_for_url(f"{application.origin}/bye?state=s")
    (front,) = [path for path in application.asked if path.startswith("/front")]
    assert parse_qs(urlsplit(front).query).keys() == {"iss", "sid"}
    assert parse_qs(urlsplit(front).query)["iss"] == [stack.issuer]

"""A web application on express-openid-connect (Node.js)."""

import asyncio
import json
import secrets
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.stack import Stack, free_ports

pytestmark = pytest.mark.xdist_group("sqlite")


@pytest.fixture
async def browser(stack: Stack) -> AsyncIterator[Browser]:
    async with Browser(stack.issuer) as opened:
        yield opened


@asynccontextmanager
async def application(stack: Stack, folder: Path, **members: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """Runs the application; yields an HTTP client for it. `members` are options of the library."""
    with free_ports() as ports:
        port = int(ports["LATCHKEY_BROWSER_PORT"])
        url = f"http://localhost:{port}"
        code = members["authorizationParams"]["response_type"] == "code"
        client = await RelyingParty.registered(
            stack,
            consent="skip",
            redirect_uris=[f"{url}/callback"],
            post_logout_redirect_uris=[url],
            response_types=[members["authorizationParams"]["response_type"]],
            grant_types=["authorization_code", "refresh_token"] if code else ["implicit"],
        )
        configuration = {
            "port": port,
            "baseURL": url,
            "issuerBaseURL": stack.issuer,
            "clientID": client.client_id,
            "clientSecret": client.client_secret,
            "secret": secrets.token_hex(32),
            **members,
        }
        node = await asyncio.create_subprocess_exec(
            "node", str(folder / "express.mjs"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert node.stdin is not None
        assert node.stdout is not None
        node.stdin.write(json.dumps(configuration).encode())
        node.stdin.close()
        assert (await node.stdout.readline()).strip() == b"ready"
        try:
            async with httpx2.AsyncClient(base_url=url, timeout=20) as app:
                yield app
        finally:
            node.kill()
            await node.wait()


async def test_express_application_signs_in_refreshes_and_signs_out(
    stack: Stack, node_folder: Path, browser: Browser
) -> None:
    asked = {"response_type": "code", "scope": "openid profile email offline_access"}
    async with application(stack, node_folder, authorizationParams=asked) as app:
        assert (await app.get("/profile")).status_code == 302
        await browser.open((await app.get("/login")).headers["location"])
        back = await browser.sign_in()
        answer = await app.get(back.url)
        assert answer.status_code == 302, answer.text
        profile = (await app.get("/profile")).json()
        assert profile["user"]["sub"] == profile["userinfo"]["sub"]
        assert profile["userinfo"]["email"] == "alice@example.com"
        assert (await app.get("/refreshed")).json() == {"another": True}
        page = await browser.open((await app.get("/logout")).headers["location"])
        assert page.left, page.text
        assert page.url.startswith(str(app.base_url))
        assert (await app.get("/")).json() == {"signedIn": False}
        assert (await browser.open((await app.get("/login")).headers["location"])).name == "login"


async def test_express_application_signs_in_by_form_post(stack: Stack, node_folder: Path, browser: Browser) -> None:
    """The default of the library."""
    asked = {"response_type": "id_token", "response_mode": "form_post", "scope": "openid profile email"}
    async with application(stack, node_folder, authorizationParams=asked) as app:
        await browser.open((await app.get("/login")).headers["location"])
        page = await browser.sign_in()
        form = page.form_with("form-post-submit")
        answer = await app.post(form.action, data=form.fields)
        assert answer.status_code == 302, answer.text
        profile = (await app.get("/profile")).json()
        assert profile["user"]["email"] == "alice@example.com"
        assert profile["userinfo"] is None


async def test_express_application_refuses_changed_responses(stack: Stack, node_folder: Path, browser: Browser) -> None:
    """Shows that the library checks: a response to another request is refused."""
    asked = {"response_type": "code", "scope": "openid"}
    async with application(stack, node_folder, authorizationParams=asked) as app:
        await browser.open((await app.get("/login")).headers["location"])
        back = await browser.sign_in()
        foreign = back.url.replace("state=", "state=x")
        assert (await app.get(foreign)).status_code == 400
        assert (await app.get("/")).json() == {"signedIn": False}

"""Pushed authorization requests (RFC 9126)."""

import httpx2
import pytest

from tests.flows.databases import on_postgresql
from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = on_postgresql


async def test_pushed_request_is_single_use(system: Stack, browser: Browser) -> None:
    metadata = httpx2.get(f"{system.issuer}/.well-known/openid-configuration").json()
    async with await RelyingParty.registered(
        system, consent="skip", require_pushed_authorization_requests=True
    ) as client:
        started = client.start()
        form = dict(httpx2.URL(started.url).params)
        credentials = (client.client_id, client.client_secret or "")
        pushed = httpx2.post(metadata["pushed_authorization_request_endpoint"], data=form, auth=credentials)
        assert pushed.status_code == 201
        assert pushed.headers["cache-control"] == "no-store"
        request_uri = pushed.json()["request_uri"]

        query = httpx2.QueryParams({"client_id": client.client_id, "request_uri": request_uri})
        await browser.open(f"/authorize?{query}")
        page = await browser.sign_in()
        token = await client.finish(started, page)
        assert token["id_token"]

        page = await browser.open(f"/authorize?{query}")
        assert (page.left, page.error) == (False, "invalid_request_uri")
        page = await browser.open(started.url)
        assert page.parameters["error"] == "invalid_request"


@pytest.mark.s(61)
async def test_pushed_authorization_accepts_post_only(system: Stack) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = httpx2.request(method, f"{system.client_edge}/par")
        assert answer.status_code == 405

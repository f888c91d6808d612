"""What the playground's web server allows, and what it needs to start."""

import json
from pathlib import Path

import httpx2
import pytest

from deploy.playground.config import ConfigurationError, Playground, read_playground
from tests.unit.playground.browser import Browser


async def test_page_allows_only_own_scripts_and_resources(browser: Browser) -> None:
    await browser.press("authorization-code", "code")
    assert browser.answer
    policy = browser.answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "<style" not in browser.page
    assert " style=" not in browser.page
    assert 'src="http' not in browser.page


async def test_every_asset_is_served(browser: Browser) -> None:
    for name, kind in (
        ("playground.css", "text/css"),
        ("playground.js", "text/javascript"),
        ("fragment.js", "text/javascript"),
        ("copy.js", "text/javascript"),
        ("latchkey.svg", "image/svg+xml"),
    ):
        await browser.open(f"{browser.address}/assets/{name}")
        assert browser.answer
        assert browser.answer.headers["content-type"].startswith(kind)


async def test_cookie_is_http_only_and_same_site(browser: Browser) -> None:
    await browser.open(browser.address)
    assert browser.answer
    cookie = browser.answer.headers["set-cookie"]
    assert cookie.startswith("latchkey-playground=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1"])
async def test_cross_origin_post_is_refused(playground: Playground, browser: Browser, origin: str) -> None:
    answer = await browser.client.post(
        f"{playground.address}/flows/authorization-code/code", headers={"Origin": origin}, follow_redirects=False
    )
    assert answer.status_code == 403


async def test_request_with_other_host_is_redirected(playground: Playground) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{playground.port}/?run=x")
        rebound = await client.get(playground.address, headers={"Host": "evil.example"})
    for each in (answer, rebound):
        assert each.status_code == 303
        assert each.headers["location"] == f"{playground.address}/"


async def test_unknown_path_is_not_found(playground: Playground, browser: Browser) -> None:
    for path in ("/flows/authorization-code/nothing", "/flows/nothing/code"):
        assert (await browser.client.post(playground.address + path)).status_code == 404


async def test_probes_respond_for_any_host(playground: Playground) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        report = (await client.get(f"http://127.0.0.1:{playground.port}/readyz")).json()
    assert report == {"service": "playground", "ready": True, "checks": {}}


async def test_server_values_are_escaped(browser: Browser) -> None:
    await browser.open(f"{browser.address}/callback/web?state=x&error=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in browser.page
    assert "&lt;script&gt;alert" in browser.page


def a_home(folder: Path, *, run: object = None, clients: object = None) -> Path:
    for name, content in (("run.json", run), ("playground.json", clients)):
        if content is not None:
            (folder / name).write_text(json.dumps(content))
    return folder


RUN = {
    "issuer": "http://localhost:8080",
    "client_edge": "http://localhost:8081",
    "playground": "http://localhost:8090",
    "nats_url": "nats://127.0.0.1:4222",
    "subscriber_creds": "/somewhere/subscriber.creds",
    "services": {},
}
WEB = {"client_id": "1", "client_secret": "s", "redirect_uri": "http://localhost:8090/callback"}
CLIENTS = {
    "web": WEB,
    "second": WEB,
    "machine": {"client_id": "3", "client_secret": "s"},
    "device": {"client_id": "4", "client_secret": ""},
    "implicit": WEB,
    "form_post": WEB,
    "hybrid": WEB,
    "password": {"client_id": "5", "client_secret": "s"},
}


def test_configuration_is_read_from_run_files(tmp_path: Path) -> None:
    playground = read_playground(a_home(tmp_path, run=RUN, clients=CLIENTS))
    assert playground.port == 8090
    assert playground.web.callback_path == "/callback"
    assert playground.post_logout_path == "/"


def test_configuration_error_names_faults_of_both_files(tmp_path: Path) -> None:
    broken = {**CLIENTS, "web": {"client_id": "1"}, "second": None}
    with pytest.raises(ConfigurationError) as refusal:
        read_playground(a_home(tmp_path, clients=broken))
    output = str(refusal.value)
    assert "run.json is missing: start everything with `make run`" in output
    assert "web.client_secret" in output
    assert "second" in output

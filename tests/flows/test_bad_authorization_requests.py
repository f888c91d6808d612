"""Invalid authorization requests: an error page without a valid redirect URI, otherwise a redirect (RFC 6749, 4.1.2.1)."""

import httpx2
import pytest

from tests.flows.databases import on_postgresql
from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = on_postgresql


@pytest.mark.s(1, 2, 4)
@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "c_unknown"},
        {"client_id": ""},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": ""},
        {"redirect_uri": "{own}/more"},
        {"redirect_uri": "{own}?foo=bar"},
        {"redirect_uri": "{own}#fragment"},
        {"redirect_uri": "{own}.evil.example"},
        {"redirect_uri": "{own}/../callback"},
        {"redirect_uri": "HTTP://LOCALHOST:8090/CALLBACK"},
        {"redirect_uri": "javascript:alert(1)"},
    ],
)
async def test_unknown_client_or_redirect_uri_gets_an_error_page(
    system: Stack, browser: Browser, web: RelyingParty, change: dict[str, str]
) -> None:
    url = httpx2.URL(web.start().url)
    for name, value in change.items():
        url = url.copy_set_param(name, value.format(own=web.redirect_uri))
    page = await browser.open(str(url))
    assert not page.left
    assert (page.name, page.error, page.status) == ("error", "invalid_request", 400)
    assert "<script>" not in page.text


@pytest.mark.s(6, 7, 15)
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unauthorized_client"),
        ({"response_type": "none"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"scope": "openid admin"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "invalid_request_object"),
        ({"request_uri": "https://client.example/request"}, "invalid_request_uri"),
        ({"id_token_hint": "nonsense"}, "invalid_request"),
    ],
)
async def test_other_errors_are_returned_to_the_client(
    system: Stack, browser: Browser, web: RelyingParty, change: dict[str, str], error: str
) -> None:
    started = web.start()
    url = httpx2.URL(started.url)
    for name, value in change.items():
        url = url.copy_set_param(name, value)
    page = await browser.open(str(url))
    assert page.left
    assert page.url.startswith(web.redirect_uri)
    assert page.parameters["error"] == error
    assert page.parameters["state"] == started.state
    assert page.parameters["iss"] == system.issuer
    assert page.parameters["error_description"].isascii()


@pytest.mark.s(61)
async def test_repeated_parameter_is_refused(browser: Browser, web: RelyingParty) -> None:
    page = await browser.open(web.start().url + "&scope=openid")
    assert page.parameters["error"] == "invalid_request"
    page = await browser.open(web.start().url + "&redirect_uri=https%3A%2F%2Fevil.example")
    assert page.name == "error"


@pytest.mark.s(16)
async def test_state_is_returned_unchanged(browser: Browser, web: RelyingParty) -> None:
    state = "a+b c%20d&e=f\"<>'\\{}|^`ü~" * 3
    page = await browser.open(str(httpx2.URL(web.start(prompt="none").url).copy_set_param("state", state)))
    assert page.parameters["state"] == state


@pytest.mark.s(61)
async def test_edges_limit_the_size_of_requests(system: Stack, browser: Browser) -> None:
    big = {"client_id": "x" * 100_000}
    assert (await browser.post("/authorize", big)).status == 413
    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"{system.client_edge}/token", data=big)
    assert answer.status_code == 413
    assert answer.json()["error"] == "invalid_request"

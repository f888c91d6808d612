"""Error pages and log lines of failed requests."""

import contextlib
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import ClientError, web
from structlog.testing import capture_logs

from libs.crypto.random import new_secret
from libs.oauth.errors import BY_CODE, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.grpc import channels
from tests.unit.authorize_frontend.browser import Page
from tests.unit.authorize_frontend.fakes import a_response


def error(page: Page) -> str:
    return page.html.one("main")["data-error"]


@pytest.mark.parametrize("code", sorted(BY_CODE))
async def test_every_error_code_has_an_error_page(browser, services, code):
    services.token.says["Authorize"] = BY_CODE[code]("A sentence.", reason=Reason.INTERNAL, redirectable=False)
    page = await browser.get("/authorize?client_id=c")
    expected = {"access_denied": 403, "temporarily_unavailable": 503, "server_error": 500}.get(code, 400)
    assert (page.status, error(page)) == (expected, code)
    assert "WHY" not in page.text
    assert ("A sentence." in page.html.text) is (expected < 500)


async def test_unavailable_service_shows_a_retry_link(browser, services, monkeypatch, running):
    monkeypatch.setattr(channels, "DEADLINE_SECONDS", 0.2)
    await services.token.stop()
    page = await browser.get('/authorize?client_id=c&state=%22&x="')
    assert (page.status, error(page)) == (503, "temporarily_unavailable")
    assert int(page.headers["Retry-After"]) > 0
    assert "Please try again" in page.html.text
    assert page.html.by_id("try-again")["href"] == '/authorize?client_id=c&state=%22&x="'


async def test_unavailable_service_during_sign_in_links_to_the_pending_request(browser, services, monkeypatch):
    monkeypatch.setattr(channels, "DEADLINE_SECONDS", 0.2)
    browser.cookies = {"latchkey-browser": new_secret()}
    path = f"/sign-in?request={services.request_id}"
    page = await browser.get(path)
    await services.authentication.stop()
    answer = await browser.post(path, page.html.press("login-submit", username="a", password="b"))
    assert (answer.status, error(answer)) == (503, "temporarily_unavailable")
    assert answer.html.by_id("try-again")["href"] == f"/authorize/resume?request={services.request_id}"


async def test_posted_request_has_a_retry_link_unless_it_is_long(browser, services):
    services.token.says["Authorize"] = TemporarilyUnavailable(reason=Reason.INTERNAL)
    short = await browser.post("/authorize", [("client_id", "c"), ("state", "a b")])
    assert short.html.by_id("try-again")["href"] == "/authorize?client_id=c&state=a%20b"
    long = await browser.post("/authorize", [("state", "x" * 30_000)])
    assert not long.html.has_id("try-again")
    assert "Go back to the app" in long.html.text


async def test_unknown_exception_shows_a_reference_and_no_details(browser, services):
    services.token.says["Authorize"] = ValueError("the secret cause")
    with capture_logs() as logs:
        page = await browser.get("/authorize?client_id=c")
    assert (page.status, error(page)) == (500, "server_error")
    assert "the secret cause" not in page.text
    assert "Reference" in page.html.text
    assert any(entry["event"] == "frontend.request_refused" for entry in logs)


async def test_unexpected_error_is_logged_with_its_trace(browser, services, running, monkeypatch):
    monkeypatch.setattr("services.authorize_frontend.http.authorization.authorize.respond", None)
    services.token.says["Authorize"] = a_response()
    with capture_logs() as logs:
        page = await browser.get("/authorize?client_id=c")
    assert (page.status, error(page)) == (500, "server_error")
    assert "NoneType" not in page.text
    assert [entry["event"] for entry in logs if entry.get("exc_info")] == ["frontend.request_failed"]


@pytest.mark.s(60)
async def test_logs_contain_no_request_values(browser, services):
    services.token.says["Authorize"] = BY_CODE["invalid_request"]("No.", reason=Reason.INTERNAL)
    browser.cookies = {"latchkey-browser": new_secret(), "latchkey-session": new_secret()}
    path = f"/sign-in?request={services.request_id}"
    with capture_logs() as logs:
        await browser.get("/authorize?client_id=c&state=canary-state")
        await browser.post(path, {"request": services.request_id, "username": "u", "password": "canary-password"})
    assert logs
    for secret in ("canary", services.request_id, *browser.cookies.values()):
        assert secret not in str(logs)


async def test_unknown_path_shows_the_not_found_page(browser):
    page = await browser.get("/nothing")
    assert (page.status, error(page)) == (404, "not_found")


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/authorize"), ("POST", "/jwks"), ("PUT", "/sign-in")])
async def test_unknown_method_shows_an_error_page(browser, method, path):
    page = await browser.request(method, path)
    assert (page.status, error(page)) == (405, "method_not_allowed")
    assert "GET" in page.headers["Allow"]


@pytest.mark.s(61)
@pytest.mark.parametrize("path", ["/authorize", "/sign-in", "/consent", "/logout", "/logout/confirm"])
async def test_oversized_body_is_413(browser, services, path):
    page = await browser.post(path, [("state", "x" * 65_536)])
    assert (page.status, error(page)) == (413, "request_too_large")
    assert services.token.calls == []


@pytest.mark.s(61)
async def test_oversized_body_without_content_length_is_413(browser):
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b"x" * 1024

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    page = await browser.request("POST", "/authorize", headers=headers, body=endless())
    assert (page.status, error(page)) == (413, "request_too_large")


@pytest.mark.s(61)
@pytest.mark.parametrize("path", ["/authorize", "/sign-in", "/consent", "/logout", "/logout/confirm"])
@pytest.mark.parametrize("media_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
async def test_other_content_type_is_415(browser, services, path, media_type):
    page = await browser.request("POST", path, headers={"Content-Type": media_type}, body=b"client_id=c")
    assert (page.status, error(page)) == (415, "unsupported_media_type")
    assert services.token.calls == []


@pytest.mark.s(61)
@pytest.mark.parametrize("query", ["state=%FF", "state=%00", "state=\xff", "&".join(["a=b"] * 201), "state=%ED%A0%80"])
async def test_parameters_that_are_not_utf8_are_a_bad_request(browser, services, query):
    assert (await browser.get("/authorize?" + query)).status == 400
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await browser.request("POST", "/authorize", headers=headers, body=query.encode("latin-1"))).status == 400
    assert services.token.calls == []


@pytest.mark.s(61)
async def test_compressed_body_is_415(browser):
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}
    body = gzip.compress(b"a=" + b"x" * 10_000_000)
    page = await browser.request("POST", "/authorize", headers=headers, body=body)
    assert (page.status, error(page)) == (415, "unsupported_media_type")


async def test_broken_body_is_a_bad_request(browser, monkeypatch):
    monkeypatch.setattr(
        "services.authorize_frontend.http.authorization.authorize.of_form", raising(web.RequestPayloadError())
    )
    assert (await browser.post("/authorize")).status == 400


async def test_closed_connection_is_not_logged_as_an_error(browser, monkeypatch):
    monkeypatch.setattr(
        "services.authorize_frontend.http.authorization.authorize.of_form", raising(ConnectionResetError())
    )
    with capture_logs() as logs, contextlib.suppress(ClientError):
        await browser.post("/authorize")
    assert logs == []


def raising(error: Exception) -> Callable[[object], Awaitable[object]]:
    async def read(_request: object) -> object:
        raise error

    return read

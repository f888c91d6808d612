"""Every page: headers, content security policy, escaping, cookies, and the unused Host header."""

import pytest

from latchkey.token.v1.authorization_pb2 import (
    INTERACTION_KIND_SIGN_IN,
    RESPONSE_MODE_FORM_POST,
    CheckLogoutResponse,
)
from libs.crypto.random import new_secret
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared.policy import exact_source, redirect_sources
from tests.unit.authorize_frontend.browser import Page
from tests.unit.authorize_frontend.fakes import a_response, an_interaction

HOSTILE = "\"'><script>alert(1)</script>{{12345679*9}}<img src=x onerror=alert(1)>\u202e"
PAGES = ["login", "consent", "logout", "signed-out", "home", "form-post", "error", "not-found"]


@pytest.fixture
def visit(browser, services, issuer):
    """Opens one of the pages, with the responses that the fakes have by then."""
    services.token.says |= {
        "Authorize": a_response(mode=RESPONSE_MODE_FORM_POST),
        "ResumeAuthorization": InvalidRequest("No.", reason=Reason.INTERNAL),
        "CheckLogout": CheckLogoutResponse(client_name="Acme Notes"),
    }
    paths = {
        "login": f"/sign-in?request={services.request_id}",
        "consent": f"/consent?request={services.request_id}",
        "logout": "/logout",
        "signed-out": "/logout",
        "home": "/",
        "form-post": "/authorize?client_id=c",
        "error": f"/authorize/resume?request={services.request_id}",
        "not-found": "/nothing",
    }

    async def open_page(name: str, *, display_name: str = "Alice Ansel", **headers: str) -> Page:
        prefix = "__Host-" if issuer.startswith("https:") else ""
        browser.cookies = {f"{prefix}latchkey-browser": new_secret()}
        if name != "signed-out":
            services.signed_in(display_name=display_name)
            browser.cookies[f"{prefix}latchkey-session"] = new_secret()
        page: Page = await browser.get(paths[name], **headers)
        return page

    return open_page


@pytest.mark.s(10, 59, 73)
@pytest.mark.parametrize("name", PAGES)
async def test_every_page_has_the_security_headers(visit, name):
    page = await visit(name)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "Server" not in page.headers
    assert "Strict-Transport-Security" not in page.headers
    assert "Access-Control-Allow-Origin" not in page.headers
    assert page.policy["default-src"] == "'none'"
    assert page.policy["style-src"] == "'self'"
    assert page.policy["frame-ancestors"] == "'none'"
    assert page.policy["base-uri"] == "'none'"
    assert page.policy["img-src"] == "'self'"


@pytest.mark.s(73)
@pytest.mark.parametrize("name", PAGES)
async def test_every_page_loads_nothing_external_or_inline(visit, name):
    html = (await visit(name)).html
    assert all(image["src"].startswith("/assets/") for image in html.all("img"))
    assert all(link["href"].startswith("/assets/") for link in html.all("link"))
    assert all("style" not in attributes for _, attributes in html.elements)
    assert not any(name.startswith("on") for _, attributes in html.elements for name in attributes)
    assert html.all("style") == []
    assert len(html.all("script")) == (1 if name == "form-post" else 0)


@pytest.mark.parametrize("name", PAGES)
async def test_every_page_has_one_main_element_and_a_title(visit, name):
    html = (await visit(name)).html
    assert html.one("html")["lang"] == "en"
    assert html.one("main")["data-page"] == ("error" if name == "not-found" else name)
    assert len(html.all("h1")) == 1
    assert any(meta.get("name") == "viewport" for meta in html.all("meta"))
    identifiers = [attributes["id"] for _, attributes in html.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))


@pytest.mark.parametrize("issuer", ["https://id.example"])
@pytest.mark.parametrize("name", PAGES)
async def test_https_issuer_sets_hsts(visit, name):
    assert (await visit(name)).headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.s(9, 44)
@pytest.mark.parametrize("name", PAGES)
async def test_pages_escape_hostile_values(visit, services, name):
    services.token.says |= {
        "GetInteraction": an_interaction(
            client_name=HOSTILE,
            logo_uri=f"https://a.example/{HOSTILE}",
            policy_uri=f"https://a.example/{HOSTILE}",
            tos_uri=f"https://a.example/{HOSTILE}",
            login_hint=HOSTILE,
            scopes=["openid", HOSTILE],
        ),
        "Authorize": a_response(
            [("state", HOSTILE), (HOSTILE, "x")],
            redirect_uri="https://app.example/'\"><script>alert(1)</script>",
            mode=RESPONSE_MODE_FORM_POST,
        ),
        "ResumeAuthorization": InvalidRequest(HOSTILE, reason=Reason.INTERNAL),
        "CheckLogout": CheckLogoutResponse(
            client_name=HOSTILE, redirect_uri="" if name == "signed-out" else "https://a/"
        ),
    }
    page = await visit(name, display_name=HOSTILE)
    scripts = page.html.all("script")
    assert all("nonce" in script for script in scripts)
    assert len(scripts) == (1 if name == "form-post" else 0)
    assert not any("onerror" in attributes for _, attributes in page.html.elements)
    assert "111111111" not in page.html.text


@pytest.mark.s(9)
async def test_error_page_does_not_repeat_the_path(browser):
    page = await browser.get("/%3Cscript%3Ealert(1)%3C/script%3E?x=%3Cscript%3E")
    assert page.status == 404
    assert "script" not in page.text


@pytest.mark.s(45)
@pytest.mark.parametrize("name", [*PAGES, "discovery", "jwks"])
async def test_pages_ignore_the_host_header(visit, browser, name):
    hostile = {"Host": "evil.example", "X_Forwarded_Host": "evil.example", "Forwarded": "host=evil.example"}
    if name in {"discovery", "jwks"}:
        path = "/.well-known/openid-configuration" if name == "discovery" else "/jwks"
        page = await browser.get(path, **hostile)
    else:
        page = await visit(name, **hostile)
    assert "evil.example" not in page.text
    assert "evil.example" not in str(page.headers)


@pytest.mark.s(45)
async def test_redirects_are_paths_of_this_origin(browser, services):
    services.token.says["Authorize"] = services.wants(INTERACTION_KIND_SIGN_IN)
    answer = await browser.get("/authorize?client_id=c", Host="evil.example")
    assert answer.location.startswith("/sign-in?")


@pytest.mark.s(45)
async def test_path_that_looks_like_a_host_does_not_change_links(browser):
    answer = await browser.get("//evil.example/authorize?client_id=c")
    assert answer.status == 404
    assert "evil.example" not in answer.text


@pytest.mark.s(37, 38)
@pytest.mark.parametrize(
    ("issuer", "prefix", "secure"), [("https://id.example", "__Host-", True), ("http://localhost:8080", "", False)]
)
async def test_cookies_are_host_bound_http_only_and_lax_under_https(browser, services, issuer, prefix, secure):
    services.token.says["Authorize"] = services.wants(INTERACTION_KIND_SIGN_IN)
    first = await browser.get("/authorize?client_id=c")
    path = first.location
    page = await browser.get(path)
    second = await browser.post(path, page.html.press("login-submit", username="a", password="b"))
    services.token.says["CheckLogout"] = CheckLogoutResponse()
    last = await browser.get("/logout")
    set_at = {**first.cookies, **second.cookies}
    assert set(set_at) == {f"{prefix}latchkey-{name}" for name in ("browser", "session", "state")}
    for name, morsel in [*set_at.items(), *last.cookies.items()]:
        is_for_frames = name.endswith("-state")
        assert bool(morsel["secure"]) is secure
        assert bool(morsel["httponly"]) is not is_for_frames
        assert morsel["samesite"] == ("None" if is_for_frames and secure else "Lax")
        assert morsel["path"] == "/"
        assert morsel["domain"] == ""
    assert all(morsel["max-age"] == "" and morsel["expires"] == "" for morsel in set_at.values())
    assert {name: morsel["max-age"] for name, morsel in last.cookies.items()} == dict.fromkeys(
        [*set_at, f"{prefix}latchkey-attempt"], "0"
    )


@pytest.mark.s(10)
@pytest.mark.parametrize(
    ("origin", "targets"),
    [
        ("https://app.example", "'self' https://app.example https:"),
        ("http://localhost:8090", "'self' http://localhost:8090 http://localhost:* http://127.0.0.1:* https:"),
        ("com.example.app:", "'self' com.example.app:"),
        ("", "'self'"),
        ("https://a.example; script-src *", "'self'"),
    ],
)
async def test_sign_in_form_action_allows_self_and_the_client(visit, services, origin, targets):
    services.token.says["GetInteraction"] = an_interaction(redirect_origin=origin)
    assert (await visit("login")).policy["form-action"] == targets
    assert (await visit("consent")).policy["form-action"] == targets


@pytest.mark.parametrize("origin", ["https://app.example", "http://localhost:8090"])
async def test_form_action_is_self_alone_for_a_browser_that_leaves_by_a_page(visit, services, origin):
    services.token.says["GetInteraction"] = an_interaction(redirect_origin=origin)
    services.token.says["CheckLogout"] = CheckLogoutResponse(redirect_uri=f"{origin}/bye")
    for name in ("login", "consent", "logout"):
        assert (await visit(name, **{"Sec-Fetch-Mode": "navigate"})).policy["form-action"] == "'self'"


async def test_form_action_allows_the_private_scheme_of_an_app(visit, services):
    services.token.says["GetInteraction"] = an_interaction(redirect_origin="com.example.app:")
    page = await visit("login", **{"Sec-Fetch-Mode": "navigate"})
    assert page.policy["form-action"] == "'self' com.example.app:"


@pytest.mark.parametrize("name", ["login", "consent"])
async def test_page_says_that_a_self_registered_client_is_unverified(visit, services, name):
    services.token.says["GetInteraction"] = an_interaction(self_registered=True)
    assert (await visit(name)).html.has_id("unchecked-client")
    services.token.says["GetInteraction"] = an_interaction()
    assert not (await visit(name)).html.has_id("unchecked-client")


async def test_logout_page_says_that_a_self_registered_client_is_unverified(visit, services):
    services.token.says["CheckLogout"] = CheckLogoutResponse(client_name="Acme Notes", self_registered=True)
    assert (await visit("logout")).html.has_id("unchecked-client")
    services.token.says["CheckLogout"] = CheckLogoutResponse(client_name="Acme Notes")
    assert not (await visit("logout")).html.has_id("unchecked-client")


async def test_every_page_has_the_trace_id_as_a_header(visit):
    seen = {(await visit(name)).headers["X-Trace-Id"] for name in PAGES}
    assert len(seen) == len(PAGES)
    assert all(len(trace_id) == 32 for trace_id in seen)


async def test_logout_form_action_allows_self_and_the_client(visit, services):
    services.token.says["CheckLogout"] = CheckLogoutResponse(redirect_uri="https://app.example/bye?state=x")
    assert (await visit("logout")).policy["form-action"] == "'self' https://app.example https:"
    services.token.says["CheckLogout"] = CheckLogoutResponse()
    assert (await visit("logout")).policy["form-action"] == "'self'"


@pytest.mark.s(8)
@pytest.mark.parametrize(
    ("url", "sources"),
    [
        ("https://App.Example:8443/cb?x#y", ("https://app.example:8443",)),
        ("http://[::1]:5000/cb", ("http:",)),
        ("com.example.app:/cb", ("com.example.app:",)),
        ("https://a.example;x/", ()),
        ("https://a.example'/", ()),
        ("https://u@a.example/", ()),
        ("https://[bad/", ()),
        ("https:///nothing", ()),
        ("", ()),
    ],
)
def test_exact_source_cannot_leave_its_directive(url, sources):
    assert exact_source(url) == sources


def test_redirect_sources_of_a_native_app_have_no_web_origin():
    assert redirect_sources("com.example.app:/cb") == ("com.example.app:",)


@pytest.mark.parametrize("extra_settings", [{"brand_name": "Börse & <Söhne>"}])
@pytest.mark.parametrize("name", PAGES)
async def test_brand_name_is_escaped_on_every_page(visit, name):
    assert "Börse & <Söhne>" in (await visit(name)).html.text


async def test_style_sheet_path_has_a_hash_and_is_cached(browser):
    (style,) = [link["href"] for link in (await browser.get("/")).html.all("link") if link["rel"] == "stylesheet"]
    sheet = await browser.get(style)
    assert sheet.headers["Content-Type"] == "text/css; charset=utf-8"
    assert sheet.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert sheet.headers["X-Content-Type-Options"] == "nosniff"
    assert "url(" not in sheet.text
    assert "@import" not in sheet.text


@pytest.mark.parametrize("issuer", ["https://id.example/realms/one"])
async def test_issuer_with_path_has_all_routes_below_it(browser, services):
    services.token.says["Authorize"] = services.wants(INTERACTION_KIND_SIGN_IN)
    answer = await browser.get("/realms/one/authorize?client_id=c")
    assert answer.location.startswith("/realms/one/sign-in?request=")
    page = await browser.get(answer.location)
    assert page.html.one("form")["action"].startswith("/realms/one/sign-in?")
    assert all(link["href"].startswith("/realms/one/assets/") for link in page.html.all("link"))
    assert answer.cookies["__Host-latchkey-browser"]["path"] == "/"
    assert (await browser.get("/authorize?client_id=c")).status == 404

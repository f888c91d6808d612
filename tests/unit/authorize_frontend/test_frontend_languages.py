"""The language of pages."""

import pytest

from latchkey.token.v1.authorization_pb2 import CheckLogoutResponse
from libs.crypto.random import new_secret
from libs.languages.language import LANGUAGES
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from tests.unit.authorize_frontend.fakes import an_interaction

SIGN_IN = {"en": "Sign in", "de": "Anmelden", "es": "Iniciar sesión"}


@pytest.fixture
def sign_in(browser, services):
    browser.cookies["latchkey-browser"] = new_secret()

    async def open_page(ui_locales=(), **headers):
        services.token.says["GetInteraction"] = an_interaction(ui_locales=list(ui_locales))
        return await browser.get(f"/sign-in?request={services.request_id}", **headers)

    return open_page


def spoken(page) -> str:
    """Returns the language on which lang attribute, header and text agree."""
    (tag,) = [tag for tag, words in SIGN_IN.items() if f"<h1>{words}</h1>" in page.text]
    assert page.html.one("html")["lang"] == page.headers["Content-Language"] == tag
    assert page.html.one("html")["dir"] == "ltr"
    return tag


@pytest.mark.parametrize(
    ("ui_locales", "accept", "tag"),
    [
        ([], "", "en"),
        ([], "de-CH,de;q=0.9,en;q=0.8", "de"),
        ([], "fr", "en"),
        (["es"], "de", "es"),
        (["fr", "de-AT"], "es", "de"),
        (["fr"], "es", "es"),
        (["en"], "de", "en"),
    ],
)
async def test_language_is_that_of_ui_locales_then_browser_then_english(sign_in, ui_locales, accept, tag):
    assert spoken(await sign_in(ui_locales, Accept_Language=accept)) == tag


async def test_consent_page_uses_ui_locales(browser, services, sign_in):
    await sign_in()
    services.token.says["GetInteraction"] = an_interaction(ui_locales=["de"])
    services.signed_in()
    browser.cookies["latchkey-session"] = new_secret()
    page = await browser.get(f"/consent?request={services.request_id}", Accept_Language="es")
    assert page.html.one("html")["lang"] == "de"


async def test_chosen_language_takes_precedence_over_the_browser(browser, sign_in):
    chosen = await browser.get("/?language=es", Accept_Language="de")
    assert (chosen.status, chosen.location) == (303, "/")
    assert chosen.cookies["latchkey-language"]["max-age"] == "31536000"
    assert spoken(await sign_in(Accept_Language="de")) == "es"
    assert spoken(await sign_in(["de"])) == "de"


async def test_language_chosen_on_a_page_takes_precedence_over_ui_locales(browser, services, sign_in):
    page = await sign_in(["de"])
    chosen = await browser.get(page.html.by_id("language-es")["href"])
    assert chosen.location == f"/sign-in?request={services.request_id}"
    assert spoken(await sign_in(["de"])) == "es"
    services.signed_in()
    browser.cookies["latchkey-session"] = new_secret()
    consent = await browser.get(f"/consent?request={services.request_id}")
    assert consent.html.one("html")["lang"] == "es"
    other = await browser.get(f"/sign-in?request={new_secret()}")
    assert other.html.one("html")["lang"] == "de"


async def test_page_after_a_post_has_language_links(browser, services, sign_in):
    services.authentication.says["SignIn"] = InvalidRequest("x", reason=Reason.INTERNAL)
    page = await sign_in()
    after = await browser.post(
        page.html.one("form")["action"], page.html.press("login-submit", username="", password="")
    )
    assert after.html.by_id("language-de")["href"] == f"/sign-in?request={services.request_id}&language=de"
    assert after.html.by_id("language-en")["aria-current"] == "true"


async def test_logout_uses_ui_locales_and_then_the_chosen_language(browser, services):
    services.token.says["CheckLogout"] = CheckLogoutResponse(client_name="Acme Notes")
    services.signed_in()
    browser.cookies |= {"latchkey-browser": new_secret(), "latchkey-session": new_secret()}
    page = await browser.get("/logout?client_id=c&ui_locales=de&state=a%20b")
    assert page.html.one("html")["lang"] == "de"
    chosen = await browser.get(page.html.by_id("language-es")["href"])
    assert chosen.location == "/logout?client_id=c&state=a%20b"
    assert (await browser.get(chosen.location)).html.one("html")["lang"] == "es"


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
async def test_error_page_is_translated(browser, language):
    page = await browser.get("/nothing-here", Accept_Language=language.tag)
    heading = {"en": "Page not found", "de": "Seite nicht gefunden", "es": "No encontramos esta página"}
    assert f"<h1>{heading[language.tag]}</h1>" in page.text


async def test_language_is_set_for_each_request_of_a_connection(browser):
    said = [(await browser.get("/", Accept_Language=tag)).html.one("html")["lang"] for tag in ("de", "es", "en", "fr")]
    assert said == ["de", "es", "en", "en"]


@pytest.mark.s(9, 37)
@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/?language=de",
        "//evil.example/account?language=de",
        "/nothing?language=de",
        "/authorize?language=de",
        "/account/sessions?language=de",
    ],
)
async def test_language_choice_redirects_to_own_pages_only(browser, path):
    page = await browser.get(path)
    assert page.status != 303
    assert "evil.example" not in page.text
    assert "latchkey-language" not in page.cookies


@pytest.mark.parametrize("language", ["xx", "de-AT", "../de", "<script>", ""])
async def test_unknown_language_choice_is_ignored(browser, language):
    page = await browser.get(f"/?language={language}")
    assert page.status == 200
    assert "latchkey-language" not in page.cookies


@pytest.mark.parametrize("cookie", ["xx", "de-AT.x", ".", "%00", "de.<script>"])
async def test_malformed_language_cookie_is_ignored(browser, cookie):
    browser.cookies["latchkey-language"] = cookie
    page = await browser.get("/", Accept_Language="es")
    assert page.status == 200
    assert page.html.one("html")["lang"] == ("de" if cookie == "de.<script>" else "es")
    assert "<script>" not in page.text

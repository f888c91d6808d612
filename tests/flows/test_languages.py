"""The language of pages, from ui_locales or the user's choice."""

import httpx2
import pytest

from tests.flows.databases import on_postgresql
from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = on_postgresql

WORDS = {"de": "Anmelden", "es": "Iniciar sesión", "en": "Sign in"}


@pytest.mark.parametrize(("ui_locales", "tag"), [("de-CH de", "de"), ("fr es", "es"), ("fr", "en")])
async def test_ui_locales_sets_the_language_of_every_page_of_the_request(
    system: Stack, browser: Browser, ui_locales: str, tag: str
) -> None:
    async with await RelyingParty.registered(system) as client:
        page = await browser.open(client.start(ui_locales=ui_locales, prompt="consent").url)
        assert (page.name, f'<html lang="{tag}"' in page.text, WORDS[tag] in page.text) == ("login", True, True)
        page = await browser.sign_in()
        assert (page.name, f'<html lang="{tag}"' in page.text) == ("consent", True)


async def test_ui_locales_of_a_pushed_request_sets_the_language(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system) as client:
        form = {"response_type": "code", "redirect_uri": client.redirect_uri, "ui_locales": "es", "scope": "openid"}
        pkce = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}
        async with httpx2.AsyncClient() as http:
            auth = (client.client_id, client.client_secret or "")
            pushed = await http.post(f"{system.client_edge}/par", data={**form, **pkce}, auth=auth)
        query = f"client_id={client.client_id}&request_uri={pushed.json()['request_uri']}"
        page = await browser.open(f"/authorize?{query}")
        assert WORDS["es"] in page.text


async def test_language_chosen_by_the_user_is_kept(system: Stack, browser: Browser) -> None:
    await browser.open("/?language=de")
    async with await RelyingParty.registered(system) as client:
        assert WORDS["de"] in (await browser.open(client.start().url)).text
        assert WORDS["es"] in (await browser.open(client.start(ui_locales="es").url)).text

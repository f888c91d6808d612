"""Modules of the RP-Initiated Logout plan."""

import secrets
import string
from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.flows.conformance.suite import CODE, Suite, Variant, random_string, variants
from tests.support.browser import Browser, Page
from tests.support.stack import Stack

AFTERWARDS = "https://suite.example/test/a/latchkey/post_logout_redirect"
_PUNCTUATION = "".join(set(string.punctuation) - set("+;"))
pytestmark = pytest.mark.conformance("oidcc-rp-initiated-logout")


def awkward_state() -> str:
    """50 alphanumeric characters, 10 digits, 30 punctuation characters, which must be returned unchanged."""
    return (
        random_string(50) + random_string(10, string.digits) + "".join(secrets.choice(_PUNCTUATION) for _ in range(30))
    )


@pytest.fixture
async def suite(system: Stack, browser: Browser, variant: Variant) -> Suite:
    return await Suite.begin(system, browser, variant, post_logout_redirect_uris=[AFTERWARDS])


async def signed_in(suite: Suite) -> str:
    """Signs in; returns the ID token."""
    answer = await suite.authorize(state=random_string(128))
    return str((await suite.redeem(answer["code"]))["id_token"])


async def log_out(suite: Suite, **parameters: Any) -> Page:
    """Opens the logout endpoint, and confirms where the page asks for it."""
    page = await suite.browser.open(f"/logout?{urlencode(parameters)}")
    return await suite.browser.submit("logout-confirm") if page.name == "logout" else page


async def has_ended(suite: Suite) -> bool:
    return suite.error(await suite.ask(prompt="none")) == "login_required"


@variants(*CODE)
async def test_logout_returns_to_the_client_with_state(suite: Suite) -> None:
    state = awkward_state()
    page = await log_out(suite, id_token_hint=await signed_in(suite), post_logout_redirect_uri=AFTERWARDS, state=state)
    assert page.url.startswith(AFTERWARDS + "?")
    assert page.parameters == {"state": state}
    assert await has_ended(suite)


@pytest.mark.conformance("oidcc-rp-initiated-logout-no-state")
@variants(*CODE)
async def test_logout_returns_no_state_when_none_was_sent(suite: Suite) -> None:
    page = await log_out(suite, id_token_hint=await signed_in(suite), post_logout_redirect_uri=AFTERWARDS)
    assert (page.left, page.url) == (True, AFTERWARDS)
    assert await has_ended(suite)


@pytest.mark.conformance(
    "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri",
    "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri",
)
@pytest.mark.parametrize("uri", ["https://suite.example/elsewhere", f"{AFTERWARDS}?foo=bar"])
@variants(*CODE)
async def test_unregistered_post_logout_redirect_uri_gets_an_error_page(suite: Suite, uri: str) -> None:
    hint = await signed_in(suite)
    page = await suite.browser.open(f"/logout?{urlencode({'id_token_hint': hint, 'post_logout_redirect_uri': uri})}")
    assert page.name == "error"
    assert "post_logout_redirect_uri" in page.text


def unsigned(hint: str) -> str:
    """The same claims without a signature."""
    return "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + hint.split(".")[1] + "."


def of_the_client(suite: Suite) -> str:
    """A JWT issued and signed by the client."""
    claims = {"iss": suite.client_id, "aud": suite.system.issuer, "sub": "subject"}
    return jwt.encode({"alg": "RS256"}, claims, RSAKey.generate_key(2048))


@pytest.mark.conformance(
    "oidcc-rp-initiated-logout-modified-id-token-hint", "oidcc-rp-initiated-logout-bad-id-token-hint"
)
@pytest.mark.parametrize("how", ["modified", "bad"])
@variants(*CODE)
async def test_invalid_id_token_hint_gets_an_error_page(suite: Suite, how: str) -> None:
    hint = await signed_in(suite)
    hint = unsigned(hint) if how == "modified" else of_the_client(suite)
    page = await log_out(suite, id_token_hint=hint, post_logout_redirect_uri=AFTERWARDS, state="s")
    assert not page.left
    assert page.name == "error"
    assert "id_token_hint" in page.text


@pytest.mark.conformance("oidcc-rp-initiated-logout-no-id-token-hint")
@variants(*CODE)
async def test_post_logout_redirect_uri_without_hint_is_not_followed(suite: Suite) -> None:
    await signed_in(suite)
    page = await log_out(suite, post_logout_redirect_uri=AFTERWARDS, state="s")
    assert not page.left
    assert "id_token_hint" in page.text


@pytest.mark.conformance(
    "oidcc-rp-initiated-logout-no-params",
    "oidcc-rp-initiated-logout-only-state",
    "oidcc-rp-initiated-logout-no-post-logout-redirect-uri",
)
@pytest.mark.parametrize("given", [(), ("state",), ("state", "id_token_hint")])
@variants(*CODE)
async def test_logout_without_redirect_uri_shows_the_signed_out_page(suite: Suite, given: tuple[str, ...]) -> None:
    all_of_it = {"state": "s", "id_token_hint": await signed_in(suite)}
    page = await log_out(suite, **{name: all_of_it[name] for name in given})
    assert not page.left
    assert page.name == "signed-out"
    assert await has_ended(suite)

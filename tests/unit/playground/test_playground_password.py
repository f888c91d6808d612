"""An application that asks for passwords itself."""

import pytest

from tests.unit.playground.browser import Browser
from tests.unit.playground.provider import Provider
from tests.unit.playground.running import SECRET

FLOW = "password"


async def test_password_sign_in_shows_every_step_without_the_password(browser: Browser, provider: Provider) -> None:
    await browser.press(FLOW, FLOW)
    assert browser.error is None
    assert browser.steps == ["discovery", "token", "jwks", "id-token", "userinfo"]
    assert browser.signed_in_as == "Ada Lovelace (ada)"
    (form,) = provider.token_requests
    assert (form["grant_type"], form["username"], form["password"]) == ("password", "alice", "alice-password")
    assert not any(secret in browser.page for secret in {*provider.issued, SECRET})
    assert "logout" not in browser.can_press  # no session of this browser began


@pytest.mark.parametrize("error", ["invalid_grant", "unauthorized_client"])
async def test_password_refusal_is_explained(browser: Browser, provider: Provider, error: str) -> None:
    provider.token_refusal = (400, {"error": error})
    await browser.press(FLOW, FLOW)
    assert browser.error == error
    assert browser.signed_in_as is None

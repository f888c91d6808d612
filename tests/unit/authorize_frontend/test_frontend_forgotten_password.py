"""The password reset pages."""

import pytest

from latchkey.authentication.v1.offers_pb2 import GetOffersResponse
from libs.crypto.random import new_secret
from libs.oauth.errors import InvalidRequest, TemporarilyUnavailable
from libs.oauth.reasons import Reason

LINK_OVER = InvalidRequest("gone", reason=Reason.LINK_UNKNOWN, redirectable=False)
THROTTLED = TemporarilyUnavailable("x", reason=Reason.LETTERS_THROTTLED, retry_after=90)


def shown(answer) -> str:
    return str(answer.html.one("main")["data-page"])


async def ask(browser, **typed: str):
    page = await browser.get("/password/forgotten")
    return await browser.post("/password/forgotten", page.html.press("forgotten-submit", **typed))


async def test_password_reset_email_is_requested_from_the_sign_in_page(browser, services):
    browser.cookies = {"latchkey-browser": new_secret()}
    page = await browser.get(f"/sign-in?request={services.request_id}")
    link = page.html.by_id("password-forgotten")["href"]
    assert link == f"/password/forgotten?request={services.request_id}"
    page = await browser.get(link)
    assert shown(page) == "password-forgotten"
    assert page.policy["form-action"] == "'self'"
    form = page.html.press("forgotten-submit", identifier=" alice@example.com ")
    answer = await browser.post("/password/forgotten", form)
    assert answer.status == 303
    assert services.authentication.asked("RequestPasswordReset").identifier == "alice@example.com"
    page = await browser.get(answer.location)
    assert shown(page) == "password-sent"
    assert page.html.by_id("back-to-sign-in")["href"] == f"/sign-in?request={services.request_id}"


async def test_password_reset_request_makes_no_call_when_the_field_is_empty(browser, services):
    answer = await ask(browser, identifier="  ")
    assert answer.html.by_id("forgotten-error")
    assert "RequestPasswordReset" not in services.authentication.names()


async def test_password_reset_request_shows_the_wait_when_throttled(browser, services):
    services.authentication.says["RequestPasswordReset"] = THROTTLED
    answer = await ask(browser, identifier="alice")
    assert "try again in 2 minutes" in answer.html.text


@pytest.mark.s(37)
async def test_password_reset_request_is_refused_from_another_site(browser, services):
    page = await browser.get("/password/forgotten")
    form = page.html.press("forgotten-submit", identifier="alice")
    assert (await browser.post("/password/forgotten", form | {"csrf": ""})).status == 403
    assert (await browser.post("/password/forgotten", form, Sec_Fetch_Site="cross-site")).status == 403
    browser.cookies = {}
    assert (await browser.post("/password/forgotten", form)).status == 403
    assert "RequestPasswordReset" not in services.authentication.names()


@pytest.mark.s(45)
@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host", "Forwarded"])
async def test_password_reset_ignores_the_host_header(browser, services, name):
    page = await browser.request(
        "GET", "/password/forgotten", headers={name: "host=evil.example" if name == "Forwarded" else "evil.example"}
    )
    assert "evil.example" not in page.text
    form = page.html.press("forgotten-submit", identifier="alice")
    answer = await browser.post("/password/forgotten", form, **{name: "evil.example"})
    assert answer.location == "/password/forgotten/sent"
    assert "evil" not in str(services.authentication.asked("RequestPasswordReset"))


class TestPasswordResetLink:
    async def test_shows_a_form_that_changes_the_password(self, browser, services):
        token = new_secret()
        page = await browser.get(f"/password/reset?token={token}")
        assert shown(page) == "password-reset"
        assert "Alice Ansel" in page.html.text
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        form = page.html.press("password-submit", new_password="a brand-new one")
        answer = await browser.post("/password/reset", form)
        assert (answer.status, answer.location) == (303, "/password/reset/done")
        asked = services.authentication.asked("ResetPassword")
        assert (asked.token, asked.new_password) == (token, "a brand-new one")
        assert shown(await browser.get(answer.location)) == "password-reset-done"

    @pytest.mark.s(51)
    async def test_is_not_used_by_opening_it(self, browser, services):
        for method in ("GET", "GET", "HEAD"):
            await browser.request(method, f"/password/reset?token={new_secret()}")
        assert "ResetPassword" not in services.authentication.names()

    @pytest.mark.s(37)
    async def test_refuses_forms_for_another_browser_or_link(self, browser, services):
        page = await browser.get(f"/password/reset?token={new_secret()}")
        form = page.html.press("password-submit", new_password="a brand-new one")
        assert (await browser.post("/password/reset", form | {"token": new_secret()})).status == 403
        browser.cookies = {"latchkey-browser": new_secret()}
        assert (await browser.post("/password/reset", form)).status == 403
        assert "ResetPassword" not in services.authentication.names()

    @pytest.mark.parametrize("token", ["", "a%20b", "x" * 200])
    async def test_makes_no_call_when_the_token_is_malformed(self, browser, services, token):
        answer = await browser.get(f"/password/reset?token={token}")
        assert (answer.status, shown(answer)) == (400, "error")
        assert answer.html.by_id("try-again")["href"] == "/password/forgotten"
        assert services.authentication.calls == []

    async def test_offers_a_new_link_when_it_was_used(self, browser, services):
        services.authentication.says["GetPasswordReset"] = LINK_OVER
        answer = await browser.get(f"/password/reset?token={new_secret()}")
        assert "is no longer valid" in answer.html.text
        assert answer.html.by_id("try-again")["href"] == "/password/forgotten"

    async def test_stays_valid_when_the_password_is_too_short(self, browser, services):
        token = new_secret()
        page = await browser.get(f"/password/reset?token={token}")
        services.authentication.says["ResetPassword"] = InvalidRequest("Too short.", reason=Reason.PASSWORD_TOO_SHORT)
        again = await browser.post("/password/reset", page.html.press("password-submit", new_password="x"))
        assert again.html.by_id("password-error")
        assert again.html.hidden["token"] == token


class TestEmailIsOff:
    @pytest.fixture
    def services(self, services):
        services.authentication.says["GetOffers"] = GetOffersResponse(mail=False)
        return services

    async def test_pages_have_no_link_and_are_404(self, browser, services):
        page = await browser.get("/account/sign-in")
        assert not page.html.has_id("password-forgotten")
        assert (await browser.get("/password/forgotten")).status == 404

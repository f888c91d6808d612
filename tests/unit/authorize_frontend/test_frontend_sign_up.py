"""The sign-up pages."""

import pytest

from latchkey.authentication.v1.offers_pb2 import GetOffersResponse
from libs.crypto.random import new_secret
from libs.oauth.errors import InvalidRequest


@pytest.fixture
def services(services):
    services.authentication.says["GetOffers"] = GetOffersResponse(mail=True, sign_up=True)
    return services


def shown(answer) -> str:
    return str(answer.html.one("main")["data-page"])


async def test_sign_up_email_link_creates_the_account(browser, services):
    link = (await browser.get("/account/sign-in")).html.by_id("sign-up")["href"]
    page = await browser.get(link)
    assert shown(page) == "sign-up"
    answer = await browser.post("/sign-up", page.html.press("sign-up-submit", address=" new@example.com "))
    assert services.authentication.asked("RequestSignUp").address == "new@example.com"
    assert shown(await browser.get(answer.location)) == "sign-up-sent"
    token = new_secret()
    page = await browser.get(f"/sign-up/complete?token={token}")
    assert "new@example.com" in page.html.text
    form = page.html.press("sign-up-submit", name="New", new_password="correct horse")
    answer = await browser.post("/sign-up/complete", form)
    asked = services.authentication.asked("CompleteSignUp")
    assert (asked.token, asked.name, asked.password) == (token, "New", "correct horse")
    assert shown(await browser.get(answer.location)) == "sign-up-done"


@pytest.mark.s(51)
async def test_sign_up_link_creates_nothing_when_opened(browser, services):
    for _ in range(3):
        await browser.get(f"/sign-up/complete?token={new_secret()}")
    assert "CompleteSignUp" not in services.authentication.names()


@pytest.mark.s(37)
async def test_sign_up_forms_are_refused_for_another_browser_or_link(browser, services):
    form = (await browser.get("/sign-up")).html.press("sign-up-submit", address="new@example.com")
    assert (await browser.post("/sign-up", form | {"csrf": ""})).status == 403
    page = await browser.get(f"/sign-up/complete?token={new_secret()}")
    form = page.html.press("sign-up-submit", name="", new_password="correct horse")
    assert (await browser.post("/sign-up/complete", form | {"token": new_secret()})).status == 403
    assert {"RequestSignUp", "CompleteSignUp"}.isdisjoint(services.authentication.names())


@pytest.mark.parametrize("reason", ["PASSWORD_COMMON", "CLAIM_MALFORMED"])
async def test_sign_up_shows_the_problem_and_keeps_typed_values(browser, services, reason):
    services.authentication.says["CompleteSignUp"] = InvalidRequest("x", reason=reason)
    page = await browser.get(f"/sign-up/complete?token={new_secret()}")
    form = page.html.press("sign-up-submit", name="<New>", new_password="password1")
    answer = await browser.post("/sign-up/complete", form)
    assert answer.html.by_id("sign-up-error")
    assert answer.html.by_id("name")["value"] == "<New>"
    assert "password1" not in answer.text


class TestSignUpIsOff:
    @pytest.fixture
    def services(self, services):
        services.authentication.says["GetOffers"] = GetOffersResponse(mail=True)
        return services

    async def test_pages_have_no_link_to_sign_up(self, browser, services):
        assert not (await browser.get("/account/sign-in")).html.has_id("sign-up")
        assert (await browser.get("/sign-up")).status == 404

"""The pages for the email address of the account."""

import pytest

from latchkey.authentication.v1.offers_pb2 import GetOffersResponse
from libs.crypto.random import new_secret
from libs.oauth.errors import AccessDenied, InvalidRequest
from libs.oauth.reasons import Reason


@pytest.fixture
def signed_in(browser, services) -> None:
    services.signed_in()
    browser.cookies = {"latchkey-browser": new_secret(), "latchkey-session": new_secret()}


def shown(answer) -> str:
    return str(answer.html.one("main")["data-page"])


async def test_change_address_requests_an_email_to_the_new_address(browser, services, signed_in):
    page = await browser.get("/account/address")
    assert shown(page) == "account-address"
    assert page.html.has_id("address-unverified")
    form = page.html.press("address-change", address=" alice@new.example ")
    answer = await browser.post("/account/address", form)
    assert answer.location == "/account/address/sent"
    asked = services.authentication.asked("RequestAddress")
    assert (asked.address, asked.session_secret) == ("alice@new.example", browser.cookies["latchkey-session"])
    assert shown(await browser.get(answer.location)) == "account-address-sent"


async def test_confirm_address_ignores_the_typed_address(browser, services, signed_in):
    form = (await browser.get("/account/address")).html.press("address-confirm", address="other@example.com")
    await browser.post("/account/address", form)
    assert services.authentication.asked("RequestAddress").address == ""


async def test_change_address_shows_the_problem_when_the_address_is_malformed(browser, services, signed_in):
    services.authentication.says["RequestAddress"] = InvalidRequest("x", reason=Reason.ADDRESS_MALFORMED)
    form = (await browser.get("/account/address")).html.press("address-change", address="<b>@x")
    answer = await browser.post("/account/address", form)
    assert answer.html.by_id("address-error")
    assert answer.html.by_id("new-address")["value"] == "<b>@x"


@pytest.mark.s(37)
async def test_change_address_is_refused_from_another_site(browser, services, signed_in):
    form = (await browser.get("/account/address")).html.press("address-change", address="eve@example.com")
    assert (await browser.post("/account/address", form | {"csrf": ""})).status == 403
    assert (await browser.post("/account/address", form, Sec_Fetch_Site="cross-site")).status == 403
    assert "RequestAddress" not in services.authentication.names()


async def test_change_address_requires_a_recent_sign_in(browser, services, signed_in):
    services.authentication.says["RequestAddress"] = AccessDenied("x", reason=Reason.REAUTHENTICATION_REQUIRED)
    form = (await browser.get("/account/address")).html.press("address-change", address="a@b.example")
    answer = await browser.post("/account/address", form)
    assert answer.location == "/account/sign-in?to=%2Faccount%2Faddress"


@pytest.mark.s(51, 52)
async def test_address_link_is_used_by_the_button_only(browser, services, signed_in):
    token = new_secret()
    page = await browser.get(f"/account/address/confirm?token={token}")
    assert shown(page) == "account-address-confirm"
    assert "alice@new.example" in page.html.text
    assert "ConfirmAddress" not in services.authentication.names()
    answer = await browser.post("/account/address/confirm", page.html.press("address-confirm"))
    assert answer.location == "/account?note=address-confirmed"
    asked = services.authentication.asked("ConfirmAddress")
    assert (asked.token, asked.session_secret) == (token, browser.cookies["latchkey-session"])


async def test_address_link_redirects_to_sign_in_and_back_without_a_session(browser, services):
    token = new_secret()
    answer = await browser.get(f"/account/address/confirm?token={token}")
    assert answer.location == "/account/sign-in?to=%2Faccount%2Faddress%2Fconfirm"
    kept = answer.cookies["latchkey-link"]
    assert (kept.value, kept["httponly"], kept["samesite"], kept["max-age"]) == (token, True, "Lax", "1800")
    services.signed_in()
    browser.cookies = {"latchkey-session": new_secret(), "latchkey-link": token}
    assert shown(await browser.get("/account/address/confirm")) == "account-address-confirm"
    assert services.authentication.asked("GetAddressRequest").token == token


async def test_used_address_link_offers_a_new_one(browser, services, signed_in):
    services.authentication.says["GetAddressRequest"] = InvalidRequest("x", reason=Reason.LINK_UNKNOWN)
    answer = await browser.get(f"/account/address/confirm?token={new_secret()}")
    assert answer.html.by_id("try-again")["href"] == "/account/address"


class TestEmailIsOff:
    @pytest.fixture
    def services(self, services):
        services.authentication.says["GetOffers"] = GetOffersResponse(mail=False)
        return services

    async def test_pages_have_no_link_and_are_404(self, browser, services, signed_in):
        assert not (await browser.get("/account")).html.has_id("change-address")
        assert (await browser.get("/account/address")).status == 404

"""The pages for profile, data download and account deletion."""

import json

import pytest

from latchkey.authentication.v1 import profile_pb2
from latchkey.token.v1 import consents_pb2
from libs.crypto.random import new_secret
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from tests.unit.authorize_frontend.fakes import an_interaction

HOSTILE = "\"'><script>alert(1)</script></textarea>"


@pytest.fixture
def signed_in(browser, services) -> None:
    services.signed_in()
    services.authentication.says["GetSession"].signed_in_recently = True
    browser.cookies = {"latchkey-browser": new_secret(), "latchkey-session": new_secret()}


@pytest.fixture
def profile(services):
    answer = profile_pb2.GetProfileResponse(writable=["name", "birthdate", "address", "website", "locale"])
    answer.claims.update(
        {
            "name": "Alice",
            "locale": "pt-BR",
            "address": {"formatted": "x", "locality": HOSTILE, "street_address": HOSTILE},
        }
    )
    services.authentication.says["GetProfile"] = answer
    return answer


@pytest.mark.s(9)
async def test_profile_page_escapes_values_and_keeps_an_unknown_language(browser, signed_in, profile):
    page = await browser.get("/account/profile")
    assert page.html.all("script") == []
    assert page.html.by_id("address-locality")["value"] == HOSTILE
    assert not page.html.has_id("email")
    assert [option["value"] for option in page.html.all("option") if "selected" in option] == ["pt-BR"]


async def test_profile_update_sends_changed_claims_only(browser, services, signed_in, profile):
    page = await browser.get("/account/profile")
    before = {
        "name": "Alice",
        "locale": "pt-BR",
        "address.locality": HOSTILE,
        "address.street_address": HOSTILE,
    }
    answer = await browser.post("/account/profile", page.html.press("profile-submit", **before))
    assert answer.location == "/account?note=profile-changed"
    assert dict(services.authentication.asked("UpdateProfile").claims) == {}


async def test_profile_update_removes_emptied_claims_and_ignores_read_only_ones(browser, services, signed_in, profile):
    page = await browser.get("/account/profile")
    typed = {"name": " ", "birthdate": "1990-01-02", "address.locality": "Bern", "email": "x@y.example", "sub": "x"}
    await browser.post("/account/profile", page.html.press("profile-submit", **typed))
    claims = services.authentication.asked("UpdateProfile").claims
    assert set(claims.fields) == {"name", "birthdate", "address", "locale"}
    assert claims.fields["name"].WhichOneof("kind") == "null_value"
    assert dict(claims["address"]) == {"locality": "Bern"}


async def test_profile_page_marks_a_refused_value_and_keeps_typed_values(browser, services, signed_in, profile):
    services.authentication.says["UpdateProfile"] = profile_pb2.UpdateProfileResponse(refused_claim="birthdate")
    page = await browser.get("/account/profile")
    after = await browser.post(
        "/account/profile", page.html.press("profile-submit", name="Alicia", birthdate="yesterday")
    )
    assert after.html.by_id("birthdate")["aria-invalid"] == "true"
    assert (after.html.by_id("name")["value"], after.html.by_id("birthdate")["value"]) == ("Alicia", "yesterday")


@pytest.mark.s(37)
@pytest.mark.parametrize(
    ("path", "button", "call"),
    [
        ("/account/profile", "profile-submit", "UpdateProfile"),
        ("/account/data", "data-download", "ExportAccount"),
        ("/account/delete", "delete-submit", "DeleteAccount"),
    ],
)
@pytest.mark.usefixtures("signed_in")
async def test_profile_and_data_forms_are_refused_from_other_pages(browser, services, path, button, call):
    form = (await browser.get(path)).html.press(button, username="alice")
    for forged in ({**form, "csrf": new_secret()}, {name: form[name] for name in form if name != "csrf"}):
        answer = await browser.post(path, forged)
        assert answer.status == 403
    foreign = await browser.post(path, form, Origin="https://evil.example")
    assert foreign.status == 403
    assert call not in services.authentication.names()


async def test_data_download_is_a_json_attachment(browser, services, signed_in):
    services.authentication.says["ExportAccount"] = profile_pb2.ExportAccountResponse()
    services.authentication.says["ExportAccount"].account.update({"claims": {"updated_at": 1772366400}})
    services.token.says["ExportConsents"] = consents_pb2.ExportConsentsResponse()
    form = (await browser.get("/account/data")).html.press("data-download")
    answer = await browser.post("/account/data", form)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="account.json"'
    assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == ("application/json", "no-store")
    assert json.loads(answer.text) == {"account": {"claims": {"updated_at": 1772366400}}, "applications": {}}


@pytest.mark.s(49)
@pytest.mark.parametrize("path", ["/account/data", "/account/delete"])
async def test_data_and_delete_pages_require_a_recent_sign_in(browser, services, signed_in, path):
    services.authentication.says["GetSession"].signed_in_recently = False
    answer = await browser.get(path)
    assert answer.location == f"/account/sign-in?to={path.replace('/', '%2F')}"


async def test_account_deletion_deletes_cookies_and_requires_the_username(browser, services, signed_in):
    services.authentication.says["DeleteAccount"] = InvalidRequest("x", reason=Reason.USERNAME_MISMATCH)
    page = await browser.get("/account/delete")
    after = await browser.post("/account/delete", page.html.press("delete-submit", username="bob"))
    assert after.html.has_id("delete-error")
    assert "latchkey-session" in browser.cookies
    services.authentication.says["DeleteAccount"] = profile_pb2.DeleteAccountResponse()
    done = await browser.post("/account/delete", after.html.press("delete-submit", username="alice"))
    assert done.location == "/account-deleted"
    assert browser.cookies == {}
    assert (await browser.get(done.location)).html.one("main")["data-page"] == "account-deleted"


ATTRIBUTES = """
[attributes.department]
type = "text"
writer = "operator"
scope = "employee"
label = { en = "Department 100%", de = "Abteilung" }

[attributes.likes_cats]
type = "boolean"
writer = "person"
scope = "cats"
label = "Likes cats"

[attributes.places]
type = "texts"
writer = "person"
scope = "cats"
label = "Places"
"""


@pytest.fixture
def extra_settings(tmp_path):
    (tmp_path / "attributes.toml").write_text(ATTRIBUTES)
    return {"attributes_file": tmp_path / "attributes.toml"}


async def test_profile_page_has_attribute_fields_and_shows_read_only_ones(browser, services, signed_in):
    answer = profile_pb2.GetProfileResponse(writable=["likes_cats", "places"])
    answer.claims.update({"department": HOSTILE, "likes_cats": False, "places": ["Bern", "Rome"]})
    services.authentication.says["GetProfile"] = answer
    page = await browser.get("/account/profile")
    assert "Department 100%" in page.html.text
    assert HOSTILE in page.html.text
    assert not page.html.has_id("department")
    typed = {"likes_cats": "true", "places": "Bern\r\n\r\n Oslo ", "department": "Board"}
    await browser.post("/account/profile", page.html.press("profile-submit", **typed))
    claims = services.authentication.asked("UpdateProfile").claims
    assert {name: claims[name] for name in ("likes_cats",)} == {"likes_cats": True}
    assert list(claims["places"]) == ["Bern", "Oslo"]
    assert set(claims.fields) == {"likes_cats", "places"}


async def test_discovery_and_consent_show_configured_attributes(browser, services, signed_in):
    document = json.loads((await browser.get("/.well-known/openid-configuration")).text)
    assert {"employee", "cats"} <= set(document["scopes_supported"])
    assert {"department", "likes_cats", "places"} <= set(document["claims_supported"])
    services.token.says["GetInteraction"] = an_interaction(scopes=["openid", "cats", "employee"], ui_locales=["de"])
    page = await browser.get(f"/consent?request={services.request_id}")
    assert "Likes cats, Places" in page.html.text
    assert "Abteilung" in page.html.text

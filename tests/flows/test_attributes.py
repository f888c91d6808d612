"""Attributes that an operator defines are returned to applications with the scope of the attribute only."""

from pathlib import Path

import httpx2
import pytest

from latchkey.authentication.v1 import admin_pb2
from latchkey.authentication.v1.admin_pb2_grpc import UserAdminServiceStub
from tests.flows.relying_party import RelyingParty
from tests.flows.users import new_user
from tests.support.browser import Browser
from tests.support.stack import running_stack

FILE = """
[attributes.department]
type = "text"
writer = "operator"
scope = "employee"
label = { en = "Department", de = "Abteilung" }

[attributes.badge]
type = "number"
writer = "person"
scope = "badge"
label = "Badge number"
"""


@pytest.mark.s(52)
@pytest.mark.timeout(180)
async def test_attribute_is_writable_and_readable_as_its_definition_allows(tmp_path: Path) -> None:
    (tmp_path / "attributes.toml").write_text(FILE)
    environment = {"LATCHKEY_ATTRIBUTES_FILE": str(tmp_path / "attributes.toml")}
    with running_stack(tmp_path / "stack", environment=environment, seeded=False) as system:
        username, user_id = await new_user(system)
        async with system.channel("authentication") as channel:
            request = admin_pb2.UpdateUserRequest(username=username)
            request.claims.update({"department": "Sales"})
            await UserAdminServiceStub(channel).UpdateUser(request)
        async with httpx2.AsyncClient() as http:
            document = (await http.get(f"{system.issuer}/.well-known/openid-configuration")).json()
        assert {"employee", "badge"} <= set(document["scopes_supported"])
        async with Browser(system.issuer) as browser:
            await browser.open("/account/profile")
            page = await browser.sign_in(username, f"{username}-password")
            assert (page.name, "Sales" in page.text) == ("account-profile", True)
            assert (await browser.submit("profile-submit", badge="seven")).name == "account-profile"
            assert (await browser.submit("profile-submit", badge="7")).name == "account"
            async with await RelyingParty.registered(system, scope="openid profile employee badge") as client:
                page = await browser.open(client.start(scope="openid employee", prompt="consent").url)
                assert "Department" in page.text
                token = await client.sign_in(browser, scope="openid employee badge")
                claims = (await client.userinfo(token["access_token"])).json()
                assert claims == {"sub": user_id, "department": "Sales", "badge": 7}
                token = await client.sign_in(browser, scope="openid profile")
                assert not {"department", "badge"} & (await client.userinfo(token["access_token"])).json().keys()

"""The device grant (RFC 8628)."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from latchkey.authentication.v1 import admin_pb2 as users_pb2
from latchkey.authentication.v1.admin_pb2_grpc import UserAdminServiceStub
from latchkey.authentication.v1.sessions_pb2 import AttestedSession, Session
from latchkey.device.v1 import device_pb2
from latchkey.device.v1.device_pb2_grpc import DeviceServiceStub
from latchkey.token.v1 import admin_pb2
from latchkey.token.v1.admin_pb2_grpc import ClientAdminServiceStub
from tests.flows.device import GRANT, Device, allow, open_confirmation
from tests.flows.relying_party import SCOPE, RelyingParty, verified
from tests.flows.users import new_user
from tests.support.browser import Browser
from tests.support.stack import Stack


def error_of(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


async def test_device_gets_tokens_after_the_user_allows_it(system: Stack, browser: Browser) -> None:
    async with await Device.new(system) as device:
        await device.ask()
        page = await allow(browser, device)
        assert (page.name, urlsplit(page.url).path) == ("device-done", "/device/allowed")
        token = await device.collect()
        assert token["scope"] == SCOPE
        claims = await verified(system, token["access_token"], audience=system.issuer, alg="ES256", typ="at+jwt")
        user = await verified(system, token["id_token"], audience=device.client_id, alg="RS256", typ="JWT")
        assert claims["sub"] == user["sub"]
        assert (claims["client_id"], "nonce" in user) == (device.client_id, False)
        userinfo = (await device.userinfo(token["access_token"])).json()
        assert (userinfo["sub"], userinfo["given_name"]) == (user["sub"], "Alice")
        refreshed = await device.oauth.refresh_token(refresh_token=token["refresh_token"])
        assert refreshed["refresh_token"] != token["refresh_token"]


async def test_device_authorization_response_has_the_members_of_rfc_8628(system: Stack) -> None:
    async with await Device.new(system) as device, httpx2.AsyncClient() as client:
        response = await device.authorization_request(scope="openid")
        codes = response.json()
        assert response.headers["Cache-Control"] == "no-store"
        assert set(codes) == {
            *("device_code", "user_code", "expires_in", "interval"),
            *("verification_uri", "verification_uri_complete"),
        }
        assert codes["verification_uri"] == f"{system.issuer}/device"
        assert codes["verification_uri_complete"] == f"{system.issuer}/device?user_code={codes['user_code']}"
        assert (codes["expires_in"], codes["interval"]) == (600, 5)
        metadata = (await client.get(f"{system.issuer}/.well-known/openid-configuration")).json()
        assert metadata["device_authorization_endpoint"] == f"{system.client_edge}/device_authorization"
        assert GRANT in metadata["grant_types_supported"]


@pytest.mark.s(34)
async def test_early_poll_gets_slow_down(system: Stack) -> None:
    async with await Device.new(system) as device:
        await device.ask()
        response = await device.poll()
        assert error_of(response) == (400, "authorization_pending")
        assert response.headers["Cache-Control"] == "no-store"
        assert error_of(await device.poll()) == (400, "slow_down")


async def test_poll_gets_access_denied_after_the_user_denies(system: Stack, browser: Browser) -> None:
    async with await Device.new(system) as device:
        await device.ask()
        await open_confirmation(browser, device)
        page = await browser.submit("device-deny")
        assert (page.name, urlsplit(page.url).path) == ("device-done", "/device/denied")
        assert error_of(await device.poll()) == (400, "access_denied")
        assert (await open_confirmation(browser, device)).name == "device"  # the code cannot be used again


@pytest.mark.s(34)
async def test_device_code_is_single_use_and_bound_to_its_client(system: Stack, browser: Browser) -> None:
    async with await Device.new(system) as device, await Device.new(system) as thief:
        thief.codes = await device.ask()
        await allow(browser, device)
        assert error_of(await thief.poll()) == (400, "invalid_grant")
        responses = await asyncio.gather(*(device.poll() for _ in range(4)))
        assert sorted(response.status_code for response in responses) == [200, 400, 400, 400]
        assert {response.json().get("error") for response in responses} == {None, "invalid_grant"}
        assert error_of(await device.poll()) == (400, "invalid_grant")
        device.codes = {"device_code": "x" * 43}
        assert error_of(await device.poll()) == (400, "invalid_grant")


@pytest.mark.s(6, 18, 20)
async def test_client_authentication_is_required_at_both_endpoints(system: Stack, browser: Browser) -> None:
    async with (
        await Device.new(system, token_endpoint_auth_method="client_secret_basic") as device,
        await RelyingParty.registered(system) as web,
    ):
        assert device.client_secret
        await device.ask(scope="openid offline_access")
        await allow(browser, device)
        secret, device.client_secret = device.client_secret, None
        assert error_of(await device.authorization_request(scope="openid")) == (400, "invalid_client")
        assert error_of(await device.poll()) == (400, "invalid_client")
        device.client_secret = "wrong"
        assert error_of(await device.authorization_request(scope="openid")) == (401, "invalid_client")
        device.client_secret = secret
        assert (await device.poll()).status_code == 200
        device.client_id, device.client_secret = web.client_id, web.client_secret
        assert error_of(await device.authorization_request(scope="openid")) == (400, "unauthorized_client")
        assert error_of(await device.poll()) == (400, "unauthorized_client")


@pytest.mark.s(61)
async def test_device_authorization_refuses_malformed_requests(system: Stack) -> None:
    async with await Device.new(system) as device, httpx2.AsyncClient() as client:
        url = f"{system.client_edge}/device_authorization"
        assert error_of(await client.post(f"{url}?scope=openid", data={"client_id": device.client_id}))[0] == 400
        twice = b"client_id=a&client_id=b"
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert error_of(await client.post(url, content=twice, headers=form)) == (400, "invalid_request")
        assert error_of(await client.post(url, json={"client_id": device.client_id})) == (400, "invalid_request")
        assert error_of(await client.post(url, data={"scope": "openid"})) == (400, "invalid_client")
        assert (await client.get(url)).status_code == 405
        await device.ask()
        assert error_of(await device.poll(device_code="")) == (400, "invalid_request")
        assert error_of(await device.poll(latchkey_wait="soon")) == (400, "invalid_request")


async def test_device_scope_is_limited_to_registered_scopes(system: Stack, browser: Browser) -> None:
    async with await Device.new(system, scope="openid tv:watch") as device:
        assert error_of(await device.authorization_request(scope="openid email")) == (400, "invalid_scope")
        device.codes = (await device.authorization_request()).json()  # without scope: the smallest scope
        assert "tv:watch" not in (await open_confirmation(browser, device)).text
        await browser.submit("device-allow")
        token = (await device.poll()).json()
        assert (token["scope"], "id_token" in token) == ("openid", True)


@pytest.mark.s(35)
async def test_device_page_shows_client_location_and_time(system: Stack, browser: Browser) -> None:
    async with await Device.new(system, client_name="Living room <b>TV</b>") as device:
        codes = await device.ask()
        page = await open_confirmation(browser, device)
        assert page.name == "device-confirm"
        assert "Living room &lt;b&gt;TV&lt;/b&gt;" in page.text
        assert codes["user_code"] in page.text
        assert "just now" in page.text
        assert "127.0.0.x" in page.text
        assert "Did you request this code on a device that you have with you?" in page.text
        assert "See your profile" in page.text
        assert error_of(await device.poll()) == (400, "authorization_pending")  # showing the page is no decision


@pytest.mark.s(35)
async def test_verification_uri_complete_requires_confirmation(system: Stack, browser: Browser) -> None:
    async with await Device.new(system) as device:
        codes = await device.ask()
        page = await browser.open(codes["verification_uri_complete"])
        assert page.name == "login"
        page = await browser.sign_in()
        assert page.name == "device"
        assert codes["user_code"] in page.text
        assert error_of(await device.poll()) == (400, "authorization_pending")
        assert (await browser.submit("device-continue")).name == "device-confirm"
        await browser.submit("device-allow")
        assert "access_token" in await device.collect()


@pytest.mark.s(35, 37, 55)
async def test_posting_to_a_later_page_does_not_skip_a_step(system: Stack, browser: Browser) -> None:
    async with await Device.new(system) as device:
        codes = await device.ask()
        await browser.open("/device")
        await browser.sign_in()
        token = browser.page.form_with("device-continue").fields["csrf"]
        form = {"user_code": codes["user_code"], "csrf": token, "choice": "allow"}
        page = await browser.post("/device/decision", form)
        assert (page.status, page.error) == (403, "access_denied")
        assert error_of(await device.poll()) == (400, "authorization_pending")


@pytest.mark.s(35)
async def test_recent_sign_in_is_reused_for_the_device_page(system: Stack, browser: Browser) -> None:
    async with await Device.new(system) as device, await RelyingParty.registered(system) as web:
        await device.ask()
        await web.sign_in(browser)
        page = await browser.open("/device")
        assert page.name == "device"
        page = await browser.open("/device/sign-in")  # "Not you?"
        await browser.sign_in("bob", "bob-password")
        await allow(browser, device)
        token = await device.collect()
        assert (await device.userinfo(token["access_token"])).json()["given_name"] == "Bob"


async def test_wrong_user_code_and_wrong_password_can_be_corrected(system: Stack, browser: Browser) -> None:
    async with await Device.new(system) as device:
        codes = await device.ask()
        username, _ = await new_user(system)
        await browser.open("/device?user_code=bcdf%20ghjk")
        page = await browser.sign_in(username, "wrong")
        assert page.name == "login"
        assert "login-error" in page.text
        await browser.sign_in(username, f"{username}-password")
        page = await browser.submit("device-continue")
        assert page.name == "device"
        assert "valid or has expired" in page.text
        typed = codes["user_code"].lower().replace("-", " ")
        assert (await browser.submit("device-continue", user_code=typed)).name == "device-confirm"


async def test_long_poll_returns_at_once_after_approval(system: Stack, browser: Browser) -> None:
    async with await Device.new(system) as device:
        await device.ask()
        await open_confirmation(browser, device)
        waiting = asyncio.create_task(device.poll(latchkey_wait="30"))
        await asyncio.sleep(0)
        await browser.submit("device-allow")
        async with asyncio.timeout(3):  # the interval is 5 s
            assert (await waiting).status_code == 200


@pytest.mark.s(36)
async def test_user_disabled_after_approval_gets_no_tokens(system: Stack, browser: Browser) -> None:
    username, _ = await new_user(system)
    async with await Device.new(system) as device:
        await device.ask()
        await allow(browser, device, username=username)
        async with system.channel("authentication") as channel:
            await UserAdminServiceStub(channel).DisableUser(users_pb2.DisableUserRequest(username=username))
        assert error_of(await device.poll()) == (400, "invalid_grant")


@pytest.mark.s(36)
@pytest.mark.parametrize(("scope", "status"), [("openid", 400), ("openid offline_access", 200)])
async def test_sign_out_ends_device_tokens_without_offline_access(
    system: Stack, browser: Browser, scope: str, status: int
) -> None:
    async with await Device.new(system) as device:
        await device.ask(scope=scope)
        await allow(browser, device)
        await browser.open("/logout")
        await browser.submit("logout-confirm")
        assert (await device.poll()).status_code == status


@pytest.mark.s(36)
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_types": ["refresh_token", "authorization_code"]}, "unauthorized_client"),
        ({"scope": "openid"}, "invalid_scope"),
    ],
)
async def test_grant_or_scope_removed_from_the_client_after_approval_is_refused(
    system: Stack, browser: Browser, change: dict[str, Any], error: str
) -> None:
    async with await Device.new(system) as device:
        await device.ask()
        await allow(browser, device)
        request = admin_pb2.UpdateClientRequest(client_id=device.client_id)
        uris = (
            {"redirect_uris": ["https://client.example/"], "response_types": ["code"]} if "scope" not in change else {}
        )
        request.metadata.update({**change, **uris})
        async with system.channel("token") as channel:
            await ClientAdminServiceStub(channel).UpdateClient(request)
        assert error_of(await device.poll()) == (400, error)


@pytest.mark.s(35, 63)
async def test_approval_with_a_forged_session_yields_no_token(system: Stack) -> None:
    async with await Device.new(system) as device:
        codes = await device.ask()
        invented = Session(session_id="sid", user_id="forged")
        invented.authenticated_at.GetCurrentTime()
        invented.attested_at.GetCurrentTime()
        session = AttestedSession(session=invented.SerializeToString(), mac=b"m" * 32)
        request = device_pb2.DecideDeviceCodeRequest(
            user_code=codes["user_code"], session=session, decision=device_pb2.DEVICE_DECISION_ALLOW
        )
        async with system.channel("device", identity="authorize-frontend") as channel:
            await DeviceServiceStub(channel).DecideDeviceCode(request)
        assert error_of(await device.poll()) == (500, "server_error")

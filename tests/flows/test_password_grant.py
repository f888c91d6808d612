"""The resource owner password credentials grant (RFC 6749, 4.3) with Authlib."""

from collections.abc import AsyncIterator

import pytest
from authlib.integrations.base_client.errors import OAuthError

from latchkey.authentication.v1 import admin_pb2
from latchkey.authentication.v1.admin_pb2_grpc import UserAdminServiceStub
from tests.flows.relying_party import RelyingParty, verified
from tests.flows.users import new_user
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = pytest.mark.s(17)
SCOPE = "openid profile email"


@pytest.fixture
async def app(system: Stack) -> AsyncIterator[RelyingParty]:
    async with await RelyingParty.registered(
        system, grant_types=["password", "refresh_token"], redirect_uris=[], consent="skip"
    ) as app:
        yield app


async def sign_in(app: RelyingParty, username: str, password: str = "") -> dict[str, str]:
    return dict(
        await app.oauth.fetch_token(username=username, password=password or f"{username}-password", scope=SCOPE)
    )


async def test_password_grant_returns_tokens(system: Stack, app: RelyingParty) -> None:
    username, user_id = await new_user(system)
    token = await sign_in(app, username)
    claims = await verified(system, token["id_token"], audience=app.client_id, alg="RS256", typ="JWT")
    assert (claims["sub"], claims["amr"]) == (user_id, ["pwd"])
    assert "nonce" not in claims
    assert (await app.userinfo(token["access_token"])).json()["email"] == f"{username}@example.com"
    again = await app.oauth.refresh_token(refresh_token=token["refresh_token"], scope=SCOPE)
    assert again["access_token"] != token["access_token"]


async def test_password_change_ends_tokens_of_the_password_grant(system: Stack, app: RelyingParty) -> None:
    username, _ = await new_user(system)
    token = await sign_in(app, username)
    async with system.channel("authentication") as channel:
        await UserAdminServiceStub(channel).SetPassword(
            admin_pb2.SetPasswordRequest(username=username, password="another-password")
        )
    with pytest.raises(OAuthError, match="invalid_grant"):
        await app.oauth.refresh_token(refresh_token=token["refresh_token"], scope=SCOPE)
    with pytest.raises(OAuthError, match="invalid_grant"):
        await sign_in(app, username)
    assert await sign_in(app, username, "another-password")


@pytest.mark.s(46)
async def test_wrong_password_and_unknown_username_get_the_same_response(system: Stack, app: RelyingParty) -> None:
    username, _ = await new_user(system)
    answers = [
        await app.token_request(grant_type="password", username=name, password="wrong")
        for name in (username, "unknown-")
    ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["error"] == "invalid_grant"


@pytest.mark.s(47)
async def test_failed_attempts_through_a_client_do_not_throttle_the_browser(
    system: Stack, app: RelyingParty, browser: Browser
) -> None:
    username, _ = await new_user(system)
    statuses = [
        (await app.token_request(grant_type="password", username=username, password=f"wrong {number}")).status_code
        for number in range(7)
    ]
    assert statuses[:5] == [400] * 5
    assert statuses[-1] == 503
    async with await RelyingParty.registered(system) as website:
        assert await website.sign_in(browser, username=username)


async def test_password_grant_is_refused_for_clients_without_it(system: Stack) -> None:
    async with await RelyingParty.registered(system) as website:
        answer = await website.token_request(grant_type="password", username="alice", password="alice-password")
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")

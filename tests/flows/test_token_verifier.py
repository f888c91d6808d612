"""The token verifier of the SDK: it verifies tokens locally, and refuses revoked tokens within a second."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from latchkey.authentication.v1 import admin_pb2 as users
from latchkey.authentication.v1.admin_pb2_grpc import UserAdminServiceStub
from latchkey.token.v1 import admin_pb2 as clients
from latchkey.token.v1.admin_pb2_grpc import ClientAdminServiceStub
from latchkey_sdk.verifier import InsufficientScope, TokenRefused, TokenVerifier
from tests.flows.relying_party import RelyingParty
from tests.flows.users import new_user
from tests.support.browser import Browser
from tests.support.stack import Stack

AT_ONCE = 1.0
"""Seconds within which a verifier refuses a revoked token."""
ONLINE = "openid profile"


def a_verifier(system: Stack, **more: Any) -> TokenVerifier:
    return TokenVerifier(
        issuer=system.issuer, audience=system.issuer, servers=system.nats_url, creds=system.creds(), **more
    )


@pytest.fixture
async def verifier(system: Stack) -> AsyncIterator[TokenVerifier]:
    async with a_verifier(system) as verifier:
        assert verifier.status.revocations_current
        yield verifier


async def refused(verifier: TokenVerifier, token: str) -> str:
    """Waits until the token is refused; returns the reason."""
    async with asyncio.timeout(AT_ONCE):
        while True:
            try:
                await verifier.verify(token)
            except TokenRefused as error:
                return error.reason
            await asyncio.sleep(0.005)


async def test_verifier_accepts_access_token_and_returns_subject_client_and_scope(
    system: Stack, browser: Browser, web: RelyingParty, verifier: TokenVerifier
) -> None:
    tokens = await web.sign_in(browser)
    token = await verifier.verify(tokens["access_token"], scopes=["profile"])
    assert token.revocation_checked
    assert token.user_id == (await web.userinfo(tokens["access_token"])).json()["sub"]
    assert (token.client_id, token.audience) == (web.client_id, (system.issuer,))
    assert {"openid", "profile", "email"} <= token.scopes
    assert token.expires_at - token.issued_at == timedelta(minutes=10)
    with pytest.raises(InsufficientScope):
        await verifier.verify(tokens["access_token"], scopes=["orders:read"])
    with pytest.raises(TokenRefused):
        await verifier.verify(tokens["id_token"])


async def test_verifier_returns_no_user_for_client_credentials_token(system: Stack, verifier: TokenVerifier) -> None:
    async with RelyingParty.of(system, "machine") as machine:
        answer = await machine.token_request(grant_type="client_credentials")
    token = await verifier.verify(answer.json()["access_token"])
    assert (token.user_id, token.subject) == (None, machine.client_id)


@pytest.mark.parametrize(("given_back", "reason"), [
    ("access_token", "TOKEN_REVOKED"),
    ("refresh_token", "GRANT_REVOKED"),
])  # fmt: skip
async def test_revoked_token_is_refused_within_a_second(
    browser: Browser, web: RelyingParty, verifier: TokenVerifier, given_back: str, reason: str
) -> None:
    tokens = await web.sign_in(browser)
    await verifier.verify(tokens["access_token"])
    await web.oauth.revoke_token(f"{web.system.client_edge}/revoke", token=tokens[given_back])
    assert await refused(verifier, tokens["access_token"]) == reason


async def test_only_offline_access_tokens_are_accepted_after_logout(
    browser: Browser, web: RelyingParty, second: RelyingParty, verifier: TokenVerifier
) -> None:
    offline = await web.sign_in(browser)
    online = await second.sign_in(browser, scope=ONLINE)
    await verifier.verify(online["access_token"])
    await browser.open(f"{web.system.issuer}/logout?id_token_hint={online['id_token']}")
    assert await refused(verifier, online["access_token"]) in {"SESSION_ENDED", "GRANT_REVOKED"}
    await verifier.verify(offline["access_token"])


async def test_tokens_of_a_disabled_user_are_refused_within_a_second(
    system: Stack, browser: Browser, web: RelyingParty, verifier: TokenVerifier
) -> None:
    username, _ = await new_user(system)
    tokens = await web.sign_in(browser, username=username)
    await verifier.verify(tokens["access_token"])
    async with system.channel("authentication") as channel:
        await UserAdminServiceStub(channel).DisableUser(users.DisableUserRequest(username=username))
    assert await refused(verifier, tokens["access_token"]) in {"ACCOUNT_ENDED", "GRANT_REVOKED"}


@pytest.mark.s(67)
@pytest.mark.parametrize("end", ["logout", "disabled"])
async def test_tokens_of_a_disabled_user_with_pairwise_subject_are_refused_within_a_second(
    system: Stack, browser: Browser, verifier: TokenVerifier, end: str
) -> None:
    """A pairwise token contains neither user id nor session id, so the event of its grant ends it."""
    username, user_id = await new_user(system)
    async with await RelyingParty.registered(system, subject_type="pairwise", consent="skip") as client:
        tokens = await client.sign_in(browser, username=username, scope=ONLINE)
    assert (await verifier.verify(tokens["access_token"])).user_id not in {user_id, None}
    if end == "logout":
        await browser.open(f"{system.issuer}/logout?id_token_hint={tokens['id_token']}")
    else:
        async with system.channel("authentication") as channel:
            await UserAdminServiceStub(channel).DisableUser(users.DisableUserRequest(username=username))
    assert await refused(verifier, tokens["access_token"]) == "GRANT_REVOKED"


async def test_tokens_of_a_deleted_client_are_refused_within_a_second(system: Stack, verifier: TokenVerifier) -> None:
    own = {"redirect_uris": [], "grant_types": ["client_credentials"], "response_types": [], "scope": "orders:read"}
    async with await RelyingParty.registered(system, **own) as machine:
        token = (await machine.token_request(grant_type="client_credentials")).json()["access_token"]
        await verifier.verify(token)
        async with system.channel("token") as channel:
            await ClientAdminServiceStub(channel).DeleteClient(clients.DeleteClientRequest(client_id=machine.client_id))
    assert await refused(verifier, token) == "CLIENT_ENDED"


async def test_verifier_refuses_tokens_revoked_before_its_start(
    system: Stack, browser: Browser, web: RelyingParty, verifier: TokenVerifier
) -> None:
    tokens = await web.sign_in(browser)
    await web.oauth.revoke_token(f"{system.client_edge}/revoke", token=tokens["access_token"])
    await refused(verifier, tokens["access_token"])
    async with a_verifier(system) as later:
        with pytest.raises(TokenRefused) as refusal:
            await later.verify(tokens["access_token"])
    assert refusal.value.reason == "TOKEN_REVOKED"

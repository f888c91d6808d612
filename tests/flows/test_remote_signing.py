"""Remote signing: tokens are valid, and requests fail with 503 when key-rotation is unavailable."""

import asyncio
from collections.abc import Iterator

import httpx2
import pytest

from latchkey.keys.v1 import admin_pb2, keys_pb2
from latchkey.keys.v1.admin_pb2_grpc import KeyAdminServiceStub
from latchkey.keys.v1.keys_pb2_grpc import SigningKeyServiceStub, SigningServiceStub
from libs.crypto.jwt import unverified_jwt
from libs.crypto.sealing import Recipient
from libs.oauth.errors import OAuthError
from tests.flows.relying_party import RelyingParty, code_form, verified
from tests.support.browser import Browser
from tests.support.stack import Stack, running_stack

pytestmark = [pytest.mark.timeout(200), pytest.mark.xdist_group("remote-signing")]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    environment = {"LATCHKEY_PRIVATE_KEYS": "kept", "LATCHKEY_SIGNING": "remote"}
    with running_stack(tmp_path_factory.mktemp("remote"), environment=environment) as running:
        yield running


async def test_remotely_signed_tokens_verify(system: Stack):
    async with RelyingParty.of(system, "web") as web, Browser(system.issuer) as browser:
        tokens = await web.sign_in(browser)
        client_id = web.client_id
        await verified(system, tokens["id_token"], audience=client_id, alg="RS256", typ="JWT")
        await verified(system, tokens["access_token"], audience=system.issuer, alg="ES256", typ="at+jwt")
        assert (await web.userinfo(tokens["access_token"])).status_code == 200
        refreshed = await web.token_request(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        await verified(system, refreshed.json()["id_token"], audience=client_id, alg="RS256", typ="JWT")


async def test_code_stays_valid_when_key_rotation_is_unavailable(system: Stack):
    async with RelyingParty.of(system, "web") as web, Browser(system.issuer) as browser:
        started = web.start()
        page = await browser.open(started.url)
        page = await browser.sign_in("bob", "bob-password") if page.name == "login" else page
        page = await browser.submit("consent-allow") if page.name == "consent" else page
        form = code_form(page, started, web)
        system.kill("key-rotation")
        try:
            refusal = await web.token_request(**form)
            assert (refusal.status_code, refusal.json()["error"]) == (503, "temporarily_unavailable")
            assert int(refusal.headers["Retry-After"]) > 0
        finally:
            system.start("key-rotation")
        answer = await web.token_request(**form)
        assert answer.status_code == 200, answer.text


async def test_token_request_fails_within_the_deadline_when_key_rotation_hangs(system: Stack):
    """Signing calls have their own deadline, which is shorter than that of other calls."""
    machine = await RelyingParty.registered(
        system, redirect_uris=[], grant_types=["client_credentials"], response_types=[]
    )
    async with machine:
        assert (await machine.token_request(grant_type="client_credentials")).status_code == 200
        system.pause("key-rotation")
        try:
            async with asyncio.timeout(4):
                refusal = await machine.token_request(grant_type="client_credentials")
        finally:
            system.resume("key-rotation")
        assert (refusal.status_code, refusal.json()["error"]) == (503, "temporarily_unavailable")


@pytest.mark.s(60)
async def test_key_rotation_refuses_to_release_private_keys(system: Stack):
    async with system.channel("key-rotation", identity="token") as channel:
        request = keys_pb2.GetSigningKeysRequest(recipient_public_key=Recipient().public_key)
        answer = await SigningKeyServiceStub(channel).GetSigningKeys(request)
    assert [key.sealed for key in answer.signing_keys] == [b""] * 4


@pytest.mark.s(63)
@pytest.mark.parametrize("identity", ["authorize-frontend", "authentication", "device", "cli", "key-rotation"])
async def test_sign_token_is_refused_for_callers_other_than_token(system: Stack, identity: str):
    async with system.channel("key-rotation", identity=identity) as channel:
        with pytest.raises(OAuthError) as refusal:
            await SigningServiceStub(channel).Sign(keys_pb2.SignRequest(alg="ES256", typ="JWT", claims=b"{}"))
    assert refusal.value.reason == "KEY_ROTATION_PERMISSION_DENIED"


async def test_revoked_key_signs_nothing_and_its_tokens_are_refused(system: Stack):
    """Runs last: the next key is not active yet, so no token is signed with this algorithm afterwards."""
    machine = await RelyingParty.registered(
        system, redirect_uris=[], grant_types=["client_credentials"], response_types=[], introspection="all"
    )
    async with machine, system.channel("key-rotation") as channel, httpx2.AsyncClient() as http:
        answer = await machine.token_request(grant_type="client_credentials")
        token = answer.json()["access_token"]
        kid = unverified_jwt(token)[0]["kid"]
        reason = admin_pb2.REVOCATION_REASON_SUSPECTED
        await KeyAdminServiceStub(channel).RevokeKey(admin_pb2.RevokeKeyRequest(kid=kid, reason=reason))
        async with asyncio.timeout(5):
            while (answer := await machine.token_request(grant_type="client_credentials")).status_code != 503:
                pass
        assert answer.json()["error"] == "temporarily_unavailable"
        auth = (machine.client_id, str(machine.client_secret))
        seen = await http.post(f"{system.client_edge}/introspect", data={"token": token}, auth=auth)
        assert seen.json() == {"active": False}

"""Token introspection (RFC 7662) with Authlib, and signed userinfo."""

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.flows.databases import on_postgresql
from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = [pytest.mark.s(32), on_postgresql]
JWT = "application/token-introspection+jwt"


async def test_introspection_returns_active_until_revocation(
    system: Stack, browser: Browser, web: RelyingParty, second: RelyingParty
) -> None:
    async with httpx2.AsyncClient() as client:
        document = (await client.get(f"{system.issuer}/.well-known/openid-configuration")).json()
        keys = KeySet.import_key_set((await client.get(document["jwks_uri"])).json())
    endpoint = document["introspection_endpoint"]
    tokens = await web.sign_in(browser)

    for token in (tokens["access_token"], tokens["refresh_token"]):
        answer = (await web.oauth.introspect_token(endpoint, token=token)).json()
        assert (answer["active"], answer["client_id"], answer["iss"]) == (True, web.client_id, system.issuer)
        assert (await second.oauth.introspect_token(endpoint, token=token)).json() == {"active": False}

    signed = await web.oauth.introspect_token(endpoint, token=tokens["access_token"], headers={"Accept": JWT})
    assert signed.headers["content-type"].partition(";")[0] == JWT
    claims = jwt.decode(signed.text, keys, algorithms=["RS256"]).claims
    assert (claims["aud"], claims["token_introspection"]["active"]) == (web.client_id, True)

    await web.oauth.revoke_token(document["revocation_endpoint"], token=tokens["refresh_token"])
    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert (await web.oauth.introspect_token(endpoint, token=token)).json() == {"active": False}


async def test_userinfo_is_signed_when_registered(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system, userinfo_signed_response_alg="RS256") as client:
        tokens = await client.sign_in(browser)
        answer = await client.userinfo(tokens["access_token"])
        async with httpx2.AsyncClient() as http:
            keys = KeySet.import_key_set((await http.get(f"{system.issuer}/jwks")).json())
        assert answer.headers["content-type"].partition(";")[0] == "application/jwt"
        claims = jwt.decode(answer.text, keys, algorithms=["RS256"]).claims
        assert (claims["iss"], claims["aud"]) == (system.issuer, client.client_id)
        assert {"sub", "name", "email"} <= claims.keys()

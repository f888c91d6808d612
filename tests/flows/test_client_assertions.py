"""private_key_jwt and client_secret_jwt with Authlib against a running system."""

from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from joserfc.jwk import RSAKey

from tests.flows.databases import on_postgresql
from tests.flows.relying_party import RelyingParty
from tests.support.stack import Stack

pytestmark = on_postgresql


async def test_authlib_gets_a_token_by_private_key_jwt(system: Stack) -> None:
    key = RSAKey.generate_key(2048, {"kid": "mine"})
    async with await RelyingParty.registered(
        system,
        grant_types=["client_credentials"],
        response_types=[],
        redirect_uris=[],
        scope="notes",
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [key.as_dict(private=False)]},
    ) as registered:
        endpoint = f"{system.client_edge}/token"
        async with AsyncOAuth2Client(
            registered.client_id,
            key.as_pem(private=True).decode(),
            token_endpoint_auth_method=PrivateKeyJWT(endpoint, headers={"kid": "mine"}),
            timeout=20,
        ) as client:
            for _ in range(2):
                token = await client.fetch_token(endpoint, grant_type="client_credentials")
                assert token["scope"] == "notes"


async def test_authlib_gets_a_token_by_client_secret_jwt(system: Stack) -> None:
    async with await RelyingParty.registered(
        system,
        grant_types=["client_credentials"],
        response_types=[],
        redirect_uris=[],
        scope="notes",
        token_endpoint_auth_method="client_secret_jwt",
    ) as registered:
        endpoint = f"{system.client_edge}/token"
        async with AsyncOAuth2Client(
            registered.client_id,
            registered.client_secret,
            token_endpoint_auth_method=ClientSecretJWT(endpoint),
            timeout=20,
        ) as client:
            assert (await client.fetch_token(endpoint, grant_type="client_credentials"))["scope"] == "notes"

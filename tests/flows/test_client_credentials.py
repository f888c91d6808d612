"""The client credentials grant (RFC 6749, 4.4)."""

import base64

import httpx2
import pytest

from tests.flows.relying_party import RelyingParty, verified
from tests.support.stack import Stack


async def test_client_credentials_token_has_the_client_as_subject(system: Stack) -> None:
    async with (
        RelyingParty.of(system, "machine")
        if "redirect_uri" in system.clients["machine"]
        else await RelyingParty.registered(
            system, grant_types=["client_credentials"], redirect_uris=[], scope="orders:read orders:write"
        ) as machine
    ):
        token = await machine.oauth.fetch_token(grant_type="client_credentials", scope=None)
        claims = await verified(system, token["access_token"], audience=system.issuer, alg="ES256", typ="at+jwt")
        assert claims["sub"] == claims["client_id"] == machine.client_id
        assert "refresh_token" not in token
        assert "id_token" not in token
        assert (await machine.userinfo(token["access_token"])).status_code == 403


async def test_scope_is_limited_to_registered_scopes(system: Stack) -> None:
    async with await RelyingParty.registered(
        system, grant_types=["client_credentials"], redirect_uris=[], scope="orders:read orders:write"
    ) as machine:
        everything = (await machine.token_request(grant_type="client_credentials")).json()
        assert everything["scope"] == "orders:read orders:write"
        one = (await machine.token_request(grant_type="client_credentials", scope="orders:read")).json()
        assert one["scope"] == "orders:read"
        more = await machine.token_request(grant_type="client_credentials", scope="orders:delete")
        assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")


@pytest.mark.s(18, 19)
async def test_basic_credentials_are_form_decoded(system: Stack) -> None:
    async with (
        await RelyingParty.registered(system, grant_types=["client_credentials"], redirect_uris=[]) as machine,
        httpx2.AsyncClient() as client,
    ):
        assert machine.client_secret
        encoded_id = machine.client_id.replace("_", "%5F")
        encoded_secret = "".join(f"%{byte:02x}" for byte in machine.client_secret.encode())
        header = base64.b64encode(f"{encoded_id}:{encoded_secret}".encode()).decode()
        answer = await client.post(
            f"{system.client_edge}/token",
            data={"grant_type": "client_credentials"},
            headers={"Authorization": f"Basic {header}"},
        )
        assert answer.status_code == 200


@pytest.mark.s(18, 20)
@pytest.mark.parametrize(
    ("headers", "form", "status", "error"),
    [
        ({"Authorization": "Basic !!!"}, {}, 401, "invalid_client"),
        ({"Authorization": "Basic " + base64.b64encode(b"no-colon").decode()}, {}, 401, "invalid_client"),
        ({"Authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()}, {}, 401, "invalid_client"),
        ({"Authorization": "Bearer abc"}, {}, 401, "invalid_client"),
        ({}, {}, 400, "invalid_client"),
        ({}, {"client_id": "c_unknown", "client_secret": "x"}, 400, "invalid_client"),
        ({}, {"client_id": "c_unknown"}, 400, "invalid_client"),
        ({"Content-Type": "application/json"}, {}, 400, "invalid_request"),
    ],
)
async def test_wrong_client_authentication_gets_401_invalid_client(
    system: Stack, headers: dict[str, str], form: dict[str, str], status: int, error: str
) -> None:
    async with httpx2.AsyncClient() as client:
        answer = await client.post(
            f"{system.client_edge}/token", data={"grant_type": "client_credentials", **form}, headers=headers
        )
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) == (status == 401)

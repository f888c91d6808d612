"""client_secret_jwt (OpenID Connect Core 9, RFC 7523): a client signs with the secret that only the two know."""

from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from libs.oauth.client_authentication import ASSERTION_TYPE, BASIC, Credentials, read_credentials
from libs.oauth.errors import InvalidClient, InvalidClientMetadata
from libs.oauth.parameters import Parameters
from tests.storage.token.world import Registered, World
from tests.unit.token.parts import ISSUER, MINUTE, NOON, SECOND, signing_key

pytestmark = pytest.mark.s(18)


async def a_machine(world: World, **members: Any) -> Registered:
    return await world.machine(token_endpoint_auth_method="client_secret_jwt", **members)


def assertion(client: Registered, *, secret: str = "", alg: str = "HS256", **changes: Any) -> str:
    claims: dict[str, Any] = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": ISSUER,
        "jti": "j-1",
        "exp": int((NOON + MINUTE).timestamp()),
        **changes,
    }
    return jwt.encode({"alg": alg}, claims, OctKey.import_key(secret or client.secret), algorithms=[alg])


async def ask(world: World, text: str) -> dict[str, Any]:
    form = Parameters(
        {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": text}
    )
    return await world.issue_tokens(read_credentials(None, form), form)


async def refused(world: World, text: str) -> str:
    with pytest.raises(InvalidClient) as refusal:
        await ask(world, text)
    return str(refusal.value.reason)


async def test_an_assertion_is_good_once(world: World) -> None:
    client = await a_machine(world)
    assert (await ask(world, assertion(client)))["access_token"]
    assert await refused(world, assertion(client)) == "CLIENT_ASSERTION_REPLAYED"
    assert (await ask(world, assertion(client, jti="j-2")))["access_token"]


async def test_another_secret_makes_another_signature(world: World) -> None:
    client, other = await a_machine(world), await a_machine(world)
    assert await refused(world, assertion(client, secret=other.secret)) == "CLIENT_ASSERTION_SIGNATURE"
    assert await world.rows("used_assertions") == []


@pytest.mark.s(29)
@pytest.mark.parametrize("alg", ["HS384", "HS512"])
async def test_one_algorithm_and_no_other(world: World, alg: str) -> None:
    client = await a_machine(world)
    assert await refused(world, assertion(client, alg=alg)) == "CLIENT_AUTH_METHOD"


@pytest.mark.s(29)
async def test_a_public_key_is_no_secret(world: World) -> None:
    """The confusion of RFC 8725 2.1: a client with keys, and an assertion that is made with the public half."""
    key = signing_key("RS256")
    client = await world.machine(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [key.public_jwk()]})
    assert await refused(world, assertion(client, secret=key.public_jwk()["n"])) == "CLIENT_AUTH_METHOD"


async def test_the_claims_are_judged_as_with_keys(world: World) -> None:
    client = await a_machine(world)
    assert await refused(world, assertion(client, aud="https://elsewhere.example")) == "CLIENT_ASSERTION_AUDIENCE"
    past = int((NOON - MINUTE - SECOND).timestamp())
    assert await refused(world, assertion(client, exp=past)) == "CLIENT_ASSERTION_EXPIRED"


async def test_client_secret_is_in_no_representation(world: World) -> None:
    """Neither sent as it is, nor kept where a reader of the database could use it."""
    client = await a_machine(world)
    with pytest.raises(InvalidClient) as refusal:
        await world.issue_tokens(
            Credentials(client.client_id, BASIC, client.secret), Parameters({"grant_type": "client_credentials"})
        )
    assert refusal.value.reason == "CLIENT_AUTH_METHOD"
    kept = await world.all_kept()
    assert client.secret not in kept


async def test_a_rotated_secret_goes_on_for_as_long_as_was_said(world: World) -> None:
    old = await a_machine(world)
    new = await world.rotate_secret(old.client_id, overlap=timedelta(seconds=30))
    assert await ask(world, assertion(old, jti="j-old"))
    assert await ask(world, assertion(old, secret=new.secret, jti="j-new"))
    world.clock.move(timedelta(seconds=31))
    assert await refused(world, assertion(old, jti="j-old-2")) == "CLIENT_ASSERTION_SIGNATURE"
    assert await ask(world, assertion(old, secret=new.secret, jti="j-new-2"))


async def test_a_client_that_begins_to_sign_gets_a_secret_that_it_can_sign_with(world: World) -> None:
    before = await world.machine()
    made = await world.update_client(before.client_id, {"token_endpoint_auth_method": "client_secret_jwt"})
    assert made.secret
    assert made.secret != before.secret
    assert await ask(world, assertion(before, secret=made.secret))
    kept = await world.update_client(before.client_id, {"token_endpoint_auth_method": "client_secret_basic"})
    assert kept.secret == ""
    (row,) = await world.rows("clients")
    assert row["sealed_secret"] is None
    assert await world.token(Registered(before.client_id, made.secret), grant_type="client_credentials")


@pytest.mark.parametrize(
    ("method", "alg"), [("client_secret_jwt", "RS256"), ("client_secret_basic", "HS256"), ("private_key_jwt", "HS256")]
)
async def test_an_algorithm_of_the_other_kind_is_not_registered(world: World, method: str, alg: str) -> None:
    keys = {"jwks": {"keys": [signing_key("RS256").public_jwk()]}} if method == "private_key_jwt" else {}
    with pytest.raises(InvalidClientMetadata) as refusal:
        await world.machine(token_endpoint_auth_method=method, token_endpoint_auth_signing_alg=alg, **keys)
    assert refusal.value.reason == "METADATA_AUTH_ALG"


@pytest.mark.s(18)
async def test_an_empty_secret_proves_nothing(world: World) -> None:
    client = await world.machine()
    with pytest.raises(InvalidClient) as refusal:
        await world.issue_tokens(
            Credentials(client.client_id, BASIC, ""), Parameters({"grant_type": "client_credentials"})
        )
    assert refusal.value.reason == "CLIENT_SECRET_WRONG"

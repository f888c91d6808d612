"""Where standards contradict each other, the client's profile decides, on both databases."""

from typing import Any

import pytest

from libs.crypto.jwt import UnverifiedJwt
from libs.oauth.client_authentication import PRIVATE_KEY_JWT, Credentials
from libs.oauth.client_metadata import restore_metadata
from libs.oauth.errors import InvalidClient, InvalidClientMetadata, InvalidRequest, InvalidRequestObject
from libs.oauth.parameters import Parameters
from libs.oauth.security_profiles import FAPI2
from services.token.domain.authorization.authorization_response import SendBack
from tests.storage.token.test_private_key_jwt import TOKEN_ENDPOINT, ask, assertion, jwks_of, refused
from tests.storage.token.world import Registered, World
from tests.unit.token.parts import ISSUER, MINUTE, NOON, WEB, parameters_of, signed_by, signing_key
from tests.unit.token.proofs import a_header, a_proof

pytestmark = pytest.mark.s(18)
KEYS = jwks_of(signing_key("ES256"), signing_key("RS256"))


async def strict(world: World, **members: Any) -> Registered:
    whole = {**WEB, "security_profile": "fapi2", "token_endpoint_auth_method": "private_key_jwt", "jwks": KEYS}
    whole["dpop_bound_access_tokens"] = True
    grants = ["authorization_code", "client_credentials", "refresh_token"]
    made = await world.create_client({**whole, "grant_types": grants, **members})
    return Registered(made.client.client_id, "")


def signed(client: Registered, **changes: Any) -> str:
    return assertion(client, signing_key("ES256"), **changes)


async def test_what_one_profile_takes_the_other_refuses(world: World) -> None:
    loose = await world.machine(token_endpoint_auth_method="private_key_jwt", jwks=KEYS)
    client = await strict(world)
    hour = int((NOON + 59 * MINUTE).timestamp())
    for changes, reason in (
        ({"aud": TOKEN_ENDPOINT}, "CLIENT_ASSERTION_AUDIENCE"),
        ({"aud": [ISSUER]}, "CLIENT_ASSERTION_AUDIENCE"),
        ({"exp": hour}, "CLIENT_ASSERTION_TOO_LONG"),
    ):
        assert await ask(world, signed(loose, jti=reason + str(changes), **changes))
        assert await refused(world, signed(client, **changes)) == reason
    assert await ask(world, assertion(loose, jti="rs256"))
    assert await refused(world, assertion(client)) == "CLIENT_ASSERTION_ALG"
    assert (await ask(world, signed(client), dpop=a_header(a_proof())))["token_type"] == "DPoP"


@pytest.mark.parametrize(
    "members",
    [
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "none"},
        {"id_token_signed_response_alg": "RS256"},
        {"token_endpoint_auth_signing_alg": "RS256"},
        {"request_object_signing_alg": "RS256"},
        {"request_object_signing_alg": "none"},
        {"grant_types": ["authorization_code", "implicit"], "response_types": ["code", "code id_token"]},
        {"grant_types": ["authorization_code", "password"]},
        {"dpop_bound_access_tokens": False},
        {"dpop_bound_access_tokens": None},
        {"security_profile": "strict", "dpop_bound_access_tokens": False},
    ],
)
async def test_what_the_strict_one_excludes_cannot_be_registered(world: World, members: dict[str, Any]) -> None:
    with pytest.raises(InvalidClientMetadata) as refusal:
        await strict(world, **members)
    assert refusal.value.reason == "METADATA_PROFILE"


async def test_both_names_of_the_profile_have_the_same_rules(world: World) -> None:
    for name in ("fapi2", "strict"):
        metadata = (await world.get_client((await strict(world, security_profile=name)).client_id)).metadata
        assert metadata.profile is FAPI2
        assert metadata.require_pushed_authorization_requests


async def test_client_without_bound_tokens_of_an_earlier_version_works_until_it_is_changed(world: World) -> None:
    client = await strict(world)
    stored = (await world.get_client(client.client_id)).metadata.to_json()
    restored = restore_metadata({**stored, "security_profile": "strict", "dpop_bound_access_tokens": False})
    assert restored.profile is FAPI2
    assert not restored.dpop_bound_access_tokens
    with pytest.raises(InvalidClientMetadata) as refusal:
        await world.update_client(client.client_id, {"dpop_bound_access_tokens": False})
    assert refusal.value.reason == "METADATA_PROFILE"
    assert "dpop_bound_access_tokens" in refusal.value.description


async def test_its_requests_are_pushed_and_carry_a_challenge(world: World) -> None:
    client = await strict(world, require_pkce=False, require_pushed_authorization_requests=False)
    answer = await world.ask(client)
    assert isinstance(answer, SendBack)
    assert dict(answer.parameters)["error"] == "invalid_request"
    with pytest.raises(InvalidRequest) as refusal:
        await push(world, client, code_challenge=None, code_challenge_method=None)
    assert refusal.value.reason == "PKCE_REQUIRED"
    assert (await push(world, client))["request_uri"]


async def push(world: World, client: Registered, **changes: Any) -> dict[str, Any]:
    assertion = UnverifiedJwt.parse(signed(client, jti=f"push {sorted(changes)} {len(changes)}"))
    credentials = Credentials(client.client_id, PRIVATE_KEY_JWT, assertion=assertion)
    return await world.push(credentials, Parameters(parameters_of(client_id=client.client_id, **changes)))


@pytest.mark.parametrize(
    ("missing", "changes", "reason"),
    [
        ("iss", {}, "CLAIM_MISSING"),
        ("aud", {}, "CLAIM_MISSING"),
        ("exp", {}, "CLAIM_MISSING"),
        ("nbf", {}, "CLAIM_MISSING"),
        ("", {"exp": int((NOON + 62 * MINUTE).timestamp())}, "TOO_LONG"),
        ("", {"nbf": int((NOON - 62 * MINUTE).timestamp())}, "TOO_LONG"),
    ],
)
async def test_its_request_objects_say_all_of_it(
    world: World, missing: str, changes: dict[str, Any], reason: str
) -> None:
    client = await strict(world)
    at = int(NOON.timestamp())
    claims = {"iss": client.client_id, "aud": ISSUER, "nbf": at, "exp": at + 60, **changes}
    claims = {name: value for name, value in claims.items() if name != missing}
    loose = await world.client(jwks=KEYS)
    text = signed_by(signing_key("ES256"), {**parameters_of(client_id=client.client_id), **claims})
    with pytest.raises(InvalidRequestObject) as refusal:
        await push(world, client, request=text)
    assert refusal.value.reason == f"REQUEST_OBJECT_{reason}"
    theirs = {**parameters_of(client_id=loose.client_id), **claims}
    theirs |= {"iss": loose.client_id} if "iss" in claims else {}
    asked = Parameters(parameters_of(client_id=loose.client_id, request=signed_by(signing_key("ES256"), theirs)))
    found = await world.get_client(loose.client_id)
    assert await world.read_request_object(asked, found, now=world.clock.now())


async def test_its_id_tokens_are_signed_as_it_allows(world: World) -> None:
    client = await strict(world)
    metadata = (await world.get_client(client.client_id)).metadata
    assert metadata.id_token_signed_response_alg == "ES256"
    with pytest.raises(InvalidClient):
        await world.token(client, grant_type="client_credentials")

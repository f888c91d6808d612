"""private_key_jwt (OpenID Connect Core 9, RFC 7523): a client authenticates with its private key."""

import json
from typing import Any

import pytest

from libs.crypto.jwt import SigningKey
from libs.oauth.client_authentication import ASSERTION_TYPE, read_credentials
from libs.oauth.errors import InvalidClient
from libs.oauth.parameters import Parameters
from services.token.domain.tokens.dpop import NO_PROOF, DpopHeader
from tests.storage.token.world import Registered, World, at_once
from tests.unit.token.parts import ISSUER, MINUTE, NOON, SECOND, signed_by, signing_key

pytestmark = pytest.mark.s(18)
KEYS_AT = "https://client.example/keys"
TOKEN_ENDPOINT = "https://token.example/token"


def jwks_of(*keys: SigningKey, named: bool = True) -> dict[str, Any]:
    """`named`: with `kid` and `alg`; clients that were registered dynamically often have neither."""
    drop = set() if named else {"kid", "alg"}
    return {"keys": [{name: v for name, v in key.public_jwk().items() if name not in drop} for key in keys]}


async def a_machine(world: World, **members: Any) -> Registered:
    keys = {} if "jwks_uri" in members else {"jwks": jwks_of(signing_key("RS256"))}
    return await world.machine(token_endpoint_auth_method="private_key_jwt", **{**keys, **members})


def assertion(client: Registered, key: SigningKey | None = None, *, kid: bool = True, **changes: Any) -> str:
    claims: dict[str, Any] = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": ISSUER,
        "jti": "j-1",
        "iat": int(NOON.timestamp()),
        "exp": int((NOON + MINUTE).timestamp()),
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    text = signed_by(key or signing_key("RS256"), claims)
    return text if kid else _without_kid(key or signing_key("RS256"), claims)


def _without_kid(key: SigningKey, claims: dict[str, Any]) -> str:
    from joserfc import jwt  # noqa: PLC0415
    from joserfc.jwk import RSAKey  # noqa: PLC0415

    return jwt.encode({"alg": key.alg}, claims, RSAKey.import_key(key.to_pkcs8()))


async def ask(world: World, text: str, *, dpop: DpopHeader = NO_PROOF, **parameters: str) -> dict[str, Any]:
    form = Parameters(
        {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": text,
            **parameters,
        }
    )
    return await world.issue_tokens(read_credentials(None, form), form, dpop=dpop)


async def refused(world: World, text: str, **parameters: Any) -> str:
    with pytest.raises(InvalidClient) as refusal:
        await ask(world, text, **parameters)
    return str(refusal.value.reason)


@pytest.mark.parametrize("audience", [ISSUER, TOKEN_ENDPOINT, [TOKEN_ENDPOINT, "https://elsewhere.example"]])
async def test_an_assertion_is_good_once(world: World, audience: Any) -> None:
    client = await a_machine(world)
    text = assertion(client, aud=audience)
    assert (await ask(world, text))["access_token"]
    assert await refused(world, text) == "CLIENT_ASSERTION_REPLAYED"
    assert (await ask(world, assertion(client, jti="j-2")))["access_token"]


async def test_of_many_at_once_one_wins(world: World) -> None:
    text = assertion(await a_machine(world))
    answers, refusals = await at_once(*(ask(world, text) for _ in range(6)))
    assert len(answers) == 1
    assert {error.reason for error in refusals if isinstance(error, InvalidClient)} == {"CLIENT_ASSERTION_REPLAYED"}


async def test_two_clients_may_use_the_same_id(world: World) -> None:
    for _ in range(2):
        await ask(world, assertion(await a_machine(world)))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "c_other"}, "CLIENT_ASSERTION_ISSUER"),
        ({"iss": None}, "CLIENT_ASSERTION_ISSUER"),
        ({"aud": None}, "CLIENT_ASSERTION_AUDIENCE"),
        ({"aud": "https://elsewhere.example"}, "CLIENT_ASSERTION_AUDIENCE"),
        ({"aud": ISSUER + "/"}, "CLIENT_ASSERTION_AUDIENCE"),
        ({"aud": {}}, "CLIENT_ASSERTION_AUDIENCE"),
        ({"exp": None}, "CLIENT_ASSERTION_EXPIRED"),
        ({"exp": "soon"}, "CLIENT_ASSERTION_EXPIRED"),
        ({"exp": True}, "CLIENT_ASSERTION_EXPIRED"),
        ({"exp": 1e300}, "CLIENT_ASSERTION_EXPIRED"),
        ({"exp": int((NOON - MINUTE).timestamp())}, "CLIENT_ASSERTION_EXPIRED"),
        ({"exp": int((NOON + 61 * MINUTE + SECOND).timestamp())}, "CLIENT_ASSERTION_TOO_LONG"),
        ({"nbf": int((NOON + MINUTE + SECOND).timestamp())}, "CLIENT_ASSERTION_NOT_YET_VALID"),
        ({"iat": int((NOON + MINUTE + SECOND).timestamp())}, "CLIENT_ASSERTION_NOT_YET_VALID"),
        ({"jti": None}, "CLIENT_ASSERTION_ID_MISSING"),
        ({"jti": ""}, "CLIENT_ASSERTION_ID_MISSING"),
        ({"jti": 7}, "CLIENT_ASSERTION_ID_MISSING"),
    ],
)
async def test_an_assertion_that_says_something_else_is_refused(
    world: World, changes: dict[str, Any], reason: str
) -> None:
    client = await a_machine(world)
    assert await refused(world, assertion(client, **changes), client_id=client.client_id) == reason
    assert await world.rows("used_assertions") == []


async def test_clocks_may_differ_by_a_minute(world: World) -> None:
    client = await a_machine(world)
    ahead = int((NOON + MINUTE).timestamp())
    await ask(world, assertion(client, iat=ahead, nbf=ahead, exp=ahead + 60))
    await ask(world, assertion(client, jti="j-2", exp=int((NOON - MINUTE + SECOND).timestamp())))


@pytest.mark.s(29)
async def test_only_a_key_of_the_client_counts(world: World) -> None:
    client = await a_machine(world)
    another = signing_key("RS256", 1)
    assert await refused(world, assertion(client, another)) == "CLIENT_ASSERTION_SIGNATURE"
    assert await refused(world, assertion(client, another, kid=False)) == "CLIENT_ASSERTION_SIGNATURE"
    assert await refused(world, assertion(client, signing_key("ES256"))) == "CLIENT_ASSERTION_SIGNATURE"
    head, body, _ = assertion(client).split(".")
    assert await refused(world, f"{head}.{body}.{'A' * 342}") == "CLIENT_ASSERTION_SIGNATURE"


@pytest.mark.s(29)
@pytest.mark.parametrize("alg", ["none", "HS256", "PS256", "RS512"])
async def test_no_other_algorithm_is_taken_from_the_token(world: World, alg: str) -> None:
    import base64  # noqa: PLC0415

    client = await a_machine(world)
    _, body, signature = assertion(client).split(".")
    head = base64.urlsafe_b64encode(json.dumps({"alg": alg}).encode()).rstrip(b"=").decode()
    # One that a secret would make is another method than this client's.
    user_allowed = {"HS256": "CLIENT_AUTH_METHOD", "ES256": "CLIENT_ASSERTION_SIGNATURE"}.get(
        alg, "CLIENT_ASSERTION_ALG"
    )
    assert await refused(world, f"{head}.{body}.{signature}") == user_allowed


async def test_the_registered_algorithm_is_the_only_one(world: World) -> None:
    keys = jwks_of(signing_key("RS256"), signing_key("ES256"))
    client = await a_machine(world, jwks=keys, token_endpoint_auth_signing_alg="ES256")
    assert await refused(world, assertion(client)) == "CLIENT_ASSERTION_ALG"
    await ask(world, assertion(client, signing_key("ES256")))


async def test_keys_without_a_name_work(world: World) -> None:
    """The conformance suite registers one RSA key without `kid`, and names none in its assertions."""
    keys = jwks_of(signing_key("RS256", 1), signing_key("RS256"), named=False)
    client = await a_machine(world, jwks=keys)
    await ask(world, assertion(client, kid=False))
    await ask(world, assertion(client, jti="j-2"))


async def test_other_ways_are_not_open_to_such_a_client_nor_this_way_to_others(world: World) -> None:
    client, by_secret = await a_machine(world), await world.machine()
    assert client.secret == ""
    for form in (
        {"client_id": client.client_id},
        {"client_id": client.client_id, "client_secret": "x"},
    ):
        with pytest.raises(InvalidClient) as refusal:
            await world.issue_tokens(read_credentials(None, Parameters(form)), Parameters(form))
        assert refusal.value.reason == "CLIENT_AUTH_METHOD"
    assert await refused(world, assertion(by_secret)) == "CLIENT_AUTH_METHOD"


@pytest.mark.conformance("oidcc-registration-jwks-uri", "oidcc-refresh-token-rp-key-rotation")
@pytest.mark.s(43)
async def test_keys_are_fetched_once_and_again_when_the_client_has_new_ones(world: World) -> None:
    client = await a_machine(world, jwks_uri=KEYS_AT)
    assert await refused(world, assertion(client)) == "CLIENT_ASSERTION_SIGNATURE"  # there is nothing yet

    other = await a_machine(world, jwks_uri=KEYS_AT + "/2")
    world.outside.documents[KEYS_AT + "/2"] = json.dumps(jwks_of(signing_key("RS256"))).encode()
    await ask(world, assertion(other))
    await ask(world, assertion(other, jti="j-2"))
    assert world.outside.fetched.count(KEYS_AT + "/2") == 1

    world.outside.documents[KEYS_AT + "/2"] = json.dumps(jwks_of(signing_key("RS256", 1))).encode()
    await ask(world, assertion(other, signing_key("RS256", 1), jti="j-3"))
    assert world.outside.fetched.count(KEYS_AT + "/2") == 2
    for number in range(3):  # unknown keys do not cause repeated fetches
        await refused(world, assertion(other, signing_key("RS256", 2), jti=f"k-{number}"))
    assert world.outside.fetched.count(KEYS_AT + "/2") == 2


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{}", b'{"keys":7}', b'{"keys":[7]}', b'{"keys":[{"kty":"oct","k":"aa"}]}']
)
async def test_a_broken_key_set_proves_nothing(world: World, document: bytes) -> None:
    client = await a_machine(world, jwks_uri=KEYS_AT)
    world.outside.documents[KEYS_AT] = document
    assert await refused(world, assertion(client)) == "CLIENT_ASSERTION_SIGNATURE"


async def test_what_was_used_is_forgotten_when_it_could_not_be_used_any_more(world: World) -> None:
    await ask(world, assertion(await a_machine(world)))
    assert len(await world.rows("used_assertions")) == 1
    await world.purge_everything()
    assert await world.rows("used_assertions") == []


@pytest.mark.s(18)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": TOKEN_ENDPOINT}, "CLIENT_ASSERTION_AUDIENCE"),
        ({"aud": [ISSUER]}, "CLIENT_ASSERTION_AUDIENCE"),
        ({"exp": int((NOON + 6 * MINUTE + SECOND).timestamp())}, "CLIENT_ASSERTION_TOO_LONG"),
    ],
)
async def test_strict_client_jwts_need_the_issuer_and_a_short_life(
    world: World, changes: dict[str, Any], reason: str
) -> None:
    """Clients that exist, and those that register themselves, keep the lenient rules of OpenID Connect Core 9."""
    strict, lenient = await a_machine(world, strict_client_jwts=True), await a_machine(world)
    assert await refused(world, assertion(strict, **changes)) == reason
    assert (await ask(world, assertion(lenient, **changes)))["access_token"]
    assert (await ask(world, assertion(strict)))["access_token"]

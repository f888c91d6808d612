"""Verification of access tokens by the SDK (RFC 9068 4, RFC 8725)."""

import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from latchkey_sdk.verifier import InsufficientScope, TokenVerifier
from latchkey_sdk.verifier.signature import MAX_TOKEN_BYTES, read_keys
from libs.crypto.jwk import public_jwk
from libs.crypto.jwt import ACCESS_TOKEN, ID_TOKEN, LOGOUT_TOKEN, SigningKey, sign_jwt
from tests.unit.crypto.tokens import (
    AUDIENCE,
    EXPIRES,
    ISSUED,
    ISSUER,
    assembled,
    claims_of,
    encoded,
    header_of,
    raw_signature,
    signed,
    signing_key,
)
from tests.unit.sdk.verifying import Clock, a_token, a_verifier, an_issuer, reason

pytestmark = pytest.mark.s(29)
ES256, RS256 = signing_key("ES256"), signing_key("RS256")
GOOD = claims_of(ACCESS_TOKEN)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(clock: Clock) -> TokenVerifier:
    return a_verifier(an_issuer(), clock)


@pytest.mark.parametrize("key", [ES256, RS256], ids=["ES256", "RS256"])
async def test_token_of_the_issuer_is_accepted(verifier: TokenVerifier, key: SigningKey) -> None:
    more = {"scope": "openid orders:read", "grant_id": "g-1", "sid": "s-1", "auth_time": ISSUED - 5, "amr": ["pwd"]}
    token = await verifier.verify(a_token(key, **more, acr="1"), scopes=["orders:read"])
    assert (token.issuer, token.audience, token.client_id, token.token_id) == (ISSUER, (AUDIENCE,), "c_web", "t-1")
    assert token.scopes == {"openid", "orders:read"}
    assert (token.user_id, token.grant_id, token.session_id) == (GOOD["sub"], "g-1", "s-1")
    assert token.expires_at == datetime.fromtimestamp(EXPIRES, UTC)
    assert token.authenticated_at == datetime.fromtimestamp(ISSUED - 5, UTC)
    assert (token.acr, token.amr) == ("1", ("pwd",))


async def test_valid_token_without_the_scope_is_insufficient(verifier: TokenVerifier) -> None:
    with pytest.raises(InsufficientScope) as refused:
        await verifier.verify(a_token(scope="openid"), scopes=["orders:write", "openid"])
    assert refused.value.scopes == ("openid", "orders:write")
    with pytest.raises(InsufficientScope):
        (await verifier.verify(a_token())).require("orders:write")


@pytest.mark.parametrize(("changes", "why"), [
    ({"iss": "https://other.example"}, "ISSUER_MISMATCH"),
    ({"iss": ISSUER + "/"}, "ISSUER_MISMATCH"),
    ({"aud": "https://other.example"}, "AUDIENCE_MISMATCH"),
    ({"aud": ["https://other.example"]}, "AUDIENCE_MISMATCH"),
    ({"aud": AUDIENCE.upper()}, "AUDIENCE_MISMATCH"),
    ({"aud": {AUDIENCE: 1}}, "CLAIM_MALFORMED"),
    ({"aud": [1, AUDIENCE]}, "CLAIM_MALFORMED"),
    *(({name: None}, "NO_ACCESS_TOKEN") for name in ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")),
    ({"nonce": "n"}, "NO_ACCESS_TOKEN"),
    ({"sub": ""}, "CLAIM_MALFORMED"),
    ({"jti": 7}, "CLAIM_MALFORMED"),
    ({"scope": ["openid"]}, "CLAIM_MALFORMED"),
    ({"exp": "soon"}, "CLAIM_MALFORMED"),
    ({"exp": True}, "CLAIM_MALFORMED"),
    ({"exp": 2**60}, "CLAIM_MALFORMED"),
    ({"exp": ISSUED}, "EXPIRED"),
    ({"iat": ISSUED + 61, "exp": ISSUED + 90}, "NOT_YET_VALID"),
    ({"nbf": ISSUED + 61}, "NOT_YET_VALID"),
    ({"exp": ISSUED + 601}, "LIVES_TOO_LONG"),
])  # fmt: skip
async def test_invalid_claims_are_refused(verifier: TokenVerifier, changes: dict[str, Any], why: str) -> None:
    claims = {name: value for name, value in (GOOD | changes).items() if value is not None}
    assert await reason(verifier, signed(header_of(ES256), claims, ES256)) == why


@pytest.mark.parametrize("changes", [
    {"iat": ISSUED + 60, "exp": ISSUED + 600},
    {"aud": ["https://other.example", AUDIENCE]},
    {"scope": None},
])  # fmt: skip
async def test_claims_at_the_limits_are_accepted(verifier: TokenVerifier, changes: dict[str, Any]) -> None:
    assert await reason(verifier, a_token(**changes)) is None


async def test_token_expires_at_exp_plus_leeway(clock: Clock) -> None:
    strict, lenient = (a_verifier(an_issuer(), clock, leeway=timedelta(seconds=seconds)) for seconds in (0, 5))
    clock.time = EXPIRES - 0.1
    assert await reason(strict, a_token()) is None
    clock.time = EXPIRES
    assert await reason(strict, a_token()) == "EXPIRED"
    assert await reason(lenient, a_token()) is None


@pytest.mark.s(28)
@pytest.mark.parametrize("kind", [ID_TOKEN, LOGOUT_TOKEN])
async def test_other_kinds_of_tokens_are_refused(verifier: TokenVerifier, kind: Any) -> None:
    assert await reason(verifier, sign_jwt(claims_of(kind), ES256, typ=kind.typ)) == "NO_ACCESS_TOKEN"


@pytest.mark.parametrize(("header", "why"), [
    ({"typ": "JWT"}, "NO_ACCESS_TOKEN"),
    ({"typ": None}, "NO_ACCESS_TOKEN"),
    ({"typ": "application/at+JWT"}, None),
    ({"alg": "RS256"}, "ALG_OF_ANOTHER_KEY"),
    ({"alg": "none"}, "ALG_OF_ANOTHER_KEY"),
    ({"alg": "HS256"}, "ALG_OF_ANOTHER_KEY"),
    ({"alg": ["ES256"]}, "MALFORMED"),
    ({"kid": None}, "MALFORMED"),
    ({"kid": "x" * 129}, "MALFORMED"),
    ({"kid": "another"}, "KEY_UNKNOWN"),
    ({"crit": ["exp"], "exp": 1}, "HEADER_REFUSED"),
    ({"b64": False, "crit": ["b64"]}, "HEADER_REFUSED"),
    ({"jwk": ES256.public_jwk()}, "HEADER_REFUSED"),
    ({"jku": "https://evil.example/jwks"}, "HEADER_REFUSED"),
    ({"x5c": ["AA=="]}, "HEADER_REFUSED"),
    ({"padding": "x" * 1024}, "MALFORMED"),
])  # fmt: skip
async def test_header_cannot_choose_key_or_algorithm(
    verifier: TokenVerifier, header: dict[str, Any], why: str | None
) -> None:
    assert await reason(verifier, signed(header_of(ES256, **header), GOOD, ES256)) == why


@pytest.mark.parametrize("form", [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1])
@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
async def test_public_key_is_not_accepted_as_hmac_secret(
    verifier: TokenVerifier, form: PublicFormat, encoding: Encoding
) -> None:
    public = load_der_private_key(RS256.to_pkcs8(), password=None).public_key().public_bytes(encoding, form)
    forged = assembled(header_of(RS256, alg="HS256"), GOOD, lambda message: hmac.digest(public, message, "sha256"))
    assert await reason(verifier, forged) == "ALG_OF_ANOTHER_KEY"


@pytest.mark.parametrize("spoil", [
    lambda token: "",
    lambda token: token.rpartition(".")[0],
    lambda token: token + ".x.y",
    lambda token: token + "=",
    lambda token: " " + token,
    lambda token: token.replace(".", "..", 1),
    lambda token: token.rpartition(".")[0] + ".",
    lambda token: token.rpartition(".")[0] + "." + encoded(bytes(64)),
    lambda token: token.partition(".")[0] + "." + encoded(b"{}") + "." + token.rpartition(".")[2],
    lambda token: "é" + token,
    lambda token: token + "A" * MAX_TOKEN_BYTES,
])  # fmt: skip
async def test_modified_token_is_refused(verifier: TokenVerifier, spoil: Callable[[str], str]) -> None:
    assert await reason(verifier, spoil(a_token())) in {"MALFORMED", "SIGNATURE_INVALID", "ALG_OF_ANOTHER_KEY"}


@pytest.mark.parametrize("payload", [b'{"sub":"a","sub":"b"}', b"[]", b"{", b'{"exp":NaN}', b"\xff", b"[" * 100_000])
async def test_payload_must_be_a_json_object(verifier: TokenVerifier, payload: bytes) -> None:
    assert await reason(verifier, signed(header_of(ES256), payload[:6000], ES256)) == "MALFORMED"


async def test_key_of_another_issuer_is_refused(verifier: TokenVerifier) -> None:
    other_key = signing_key("ES256", 1)
    forged = assembled(header_of(ES256), GOOD, lambda message: raw_signature(other_key, message))
    assert await reason(verifier, forged) == "SIGNATURE_INVALID"


@pytest.mark.s(30)
def test_read_keys_ignores_unsupported_keys() -> None:
    small = public_jwk(rsa.generate_private_key(65537, 1024).public_key(), kid="small", alg="RS256")
    good = ES256.public_jwk()
    others: list[Any] = [
        small,
        {"kty": "oct", "k": "AAAA", "kid": "oct", "alg": "HS256"},
        good | {"kid": "encrypts", "use": "enc"},
        good | {"kid": "signs", "key_ops": ["sign"]},
        good | {"kid": "other", "alg": "RS256"},
        good | {"kid": "unbound", "alg": None},
        good | {"kid": "off the curve", "x": "AAAA"},
        {name: value for name, value in good.items() if name != "kid"},
        "text",
        None,
    ]
    assert set(read_keys(json.dumps({"keys": [*others, good]}).encode())) == {ES256.kid}
    with pytest.raises(ValueError, match="two keys"):
        read_keys(json.dumps({"keys": [good, good]}).encode())
    for document in (b"[]", b"{}", b'{"keys": {}}', json.dumps({"keys": [good] * 65}).encode()):
        with pytest.raises(ValueError, match=r"\w"):
            read_keys(document)


@pytest.mark.s(69)
@pytest.mark.parametrize(("arguments", "what"), [
    ({"issuer": "http://id.example"}, "must use https"),
    ({"jwks_uri": "ftp://id.example/jwks"}, "must use https"),
    ({"leeway": timedelta(seconds=61)}, "from 0 to 60 seconds"),
])  # fmt: skip
def test_unsafe_arguments_are_refused_at_once(arguments: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        a_verifier(an_issuer(), Clock(), **arguments)

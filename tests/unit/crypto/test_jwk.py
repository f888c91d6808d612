import json
import pickle
import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from libs.crypto.algorithms import ALGORITHMS
from libs.crypto.jwk import PRIVATE_MEMBERS, key_members, load_public_key, public_jwk, thumbprint
from libs.crypto.jwt import InvalidKey, KeySet, SigningKey, VerificationKey
from libs.crypto.strict import base64url_decode
from tests.unit.crypto.tokens import all_keys, encoded, signing_key

pytestmark = pytest.mark.s(30)

PUBLIC_MEMBERS = {
    "ES256": {"kty", "crv", "x", "y", "kid", "alg", "use"},
    "RS256": {"kty", "n", "e", "kid", "alg", "use"},
}


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_published_jwk_has_public_members_only(alg: str):
    key = signing_key(alg)
    verification = VerificationKey.from_jwk(key.public_jwk())
    for jwk in (key.public_jwk(), verification.public_jwk()):
        assert set(jwk) == PUBLIC_MEMBERS[alg]
        assert PRIVATE_MEMBERS.isdisjoint(jwk)
    assert verification.public_jwk() == key.public_jwk()


@given(st.binary(min_size=32, max_size=32).map(lambda data: int.from_bytes(data, "big")))
def test_published_ec_jwk_contains_no_private_number(number: int):
    order = int("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", 16)
    secret = number % (order - 1) + 1
    key = SigningKey(ec.derive_private_key(secret, ec.SECP256R1()), kid="k", alg="ES256")
    published = json.dumps(key.public_jwk()) + json.dumps(KeySet([VerificationKey(key.public_jwk())]).to_jwks())
    if secret > 1:  # the key 1 is the base point, which everybody knows
        assert encoded(secret.to_bytes(32, "big")) not in published
    assert VerificationKey(key.public_jwk()).public_jwk() == key.public_jwk()


def test_published_rsa_jwk_contains_no_private_number():
    private = rsa.generate_private_key(65537, 2048)
    published = json.dumps(SigningKey(private, kid="k", alg="RS256").public_jwk())
    numbers = private.private_numbers()
    for number in (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp):
        assert encoded(number.to_bytes((number.bit_length() + 7) // 8, "big")) not in published


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize("member", sorted(PRIVATE_MEMBERS))
def test_jwk_with_a_private_member_is_refused(alg: str, member: str):
    with pytest.raises(InvalidKey, match="private"):
        VerificationKey.from_jwk(signing_key(alg).public_jwk() | {member: "AA"})


@pytest.mark.s(60)
@pytest.mark.parametrize("alg", ALGORITHMS)
def test_signing_key_repr_contains_no_key_material(alg: str):
    key = signing_key(alg)
    der = key.to_pkcs8()
    for text in (repr(key), str(key), f"{key}", f"{[key]}"):
        assert key.kid in text
        assert der.hex()[64:96] not in text
        assert "private" not in text.lower()
    with pytest.raises(TypeError):
        pickle.dumps(key)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_signing_key_survives_a_pkcs8_round_trip(alg: str):
    key = signing_key(alg)
    again = SigningKey.from_pkcs8(key.kid, alg, key.to_pkcs8())
    assert (again.kid, again.alg, again.public_jwk()) == (key.kid, key.alg, key.public_jwk())


def test_thumbprint_matches_the_example_of_rfc_7638():
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
        "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5ha"
        "jrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    key = load_public_key({"kty": "RSA", "n": modulus, "e": "AQAB"})
    assert thumbprint(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert key_members(key) == {"kty": "RSA", "n": modulus, "e": "AQAB"}


def _weak_rsa(bits: int, exponent: int) -> dict[str, str]:
    key = rsa.generate_private_key(exponent, bits).public_key()
    return public_jwk(key, kid="k", alg="RS256")


def _another_curve() -> dict[str, str]:
    point = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    x, y = (encoded(number.to_bytes(48, "big")) for number in (point.x, point.y))
    return {"kty": "EC", "crv": "P-384", "x": x, "y": y, "kid": "k", "alg": "ES256"}


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        _weak_rsa(1024, 65537),
        _weak_rsa(2048, 3),
        _another_curve(),
        signing_key("ES256").public_jwk() | {"alg": "RS256"},
        signing_key("RS256").public_jwk() | {"alg": "ES256"},
        signing_key("ES256").public_jwk() | {"y": signing_key("ES256").public_jwk()["x"]},
        signing_key("ES256").public_jwk() | {"x": encoded(bytes(33))},
        signing_key("ES256").public_jwk()
        | {"x": encoded(b"\0" + base64url_decode(signing_key("ES256").public_jwk()["x"]))},
        signing_key("ES256").public_jwk() | {"x": encoded(bytes(32)), "y": encoded(bytes(32))},
        signing_key("ES256").public_jwk() | {"x": 7},
        signing_key("ES256").public_jwk() | {"crv": "P-384"},
        signing_key("ES256").public_jwk() | {"kty": "OKP"},
        signing_key("ES256").public_jwk() | {"use": "enc"},
        signing_key("ES256").public_jwk() | {"key_ops": ["encrypt"]},
        signing_key("ES256").public_jwk() | {"key_ops": 7},
        signing_key("ES256").public_jwk() | {"kid": ""},
        signing_key("ES256").public_jwk() | {"kid": 7},
        signing_key("ES256").public_jwk() | {"kid": "k" * 129},
        signing_key("ES256").public_jwk() | {"alg": None},
        signing_key("RS256").public_jwk() | {"n": encoded(secrets.token_bytes(2048))},
        signing_key("RS256").public_jwk() | {"n": "!"},
        signing_key("RS256").public_jwk() | {"n": ""},
        signing_key("RS256").public_jwk() | {"e": encoded(secrets.token_bytes(300))},
    ],
)
def test_weak_or_malformed_jwk_is_refused(jwk):
    with pytest.raises(InvalidKey):
        VerificationKey.from_jwk(jwk)


@pytest.mark.parametrize("der", [b"", b"rubbish", bytes(100)])
def test_invalid_pkcs8_is_refused(der: bytes):
    with pytest.raises(InvalidKey):
        SigningKey.from_pkcs8("k", "ES256", der)


def test_signing_key_must_fit_its_algorithm():
    with pytest.raises(InvalidKey):
        SigningKey.from_pkcs8("k", "RS256", signing_key("ES256").to_pkcs8())


def test_key_set_with_duplicate_kid_is_refused():
    key = VerificationKey(signing_key("ES256").public_jwk())
    with pytest.raises(InvalidKey, match="same kid"):
        KeySet([key, key])
    assert {jwk["alg"] for jwk in all_keys().to_jwks()["keys"]} == set(ALGORITHMS)

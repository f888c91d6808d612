"""Our tokens in an independent library, and its tokens here."""

import itertools

import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jwk import KeySet as JoserfcKeySet

from libs.crypto.jwt import ACCESS_TOKEN, ID_TOKEN, LOGOUT_TOKEN, KeySet, TokenKind, VerificationKey, sign_jwt
from tests.unit.crypto.tokens import (
    all_keys,
    claims_of,
    header_of,
    keys_of,
    reason_of_refusal,
    signed,
    signing_key,
    verified,
)

pytestmark = pytest.mark.s(28, 29)

ALGS = ("ES256", "RS256")
KINDS = (ACCESS_TOKEN, ID_TOKEN, LOGOUT_TOKEN)


def _their_view(keys: KeySet) -> JoserfcKeySet:
    return JoserfcKeySet.import_key_set(keys.to_jwks())  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "alg"), list(itertools.product(KINDS, ALGS)))
def test_joserfc_verifies_our_tokens(kind: TokenKind, alg: str):
    claims = claims_of(kind)
    token = sign_jwt(claims, signing_key(alg), typ=kind.typ)
    decoded = joserfc_jwt.decode(token, _their_view(all_keys()), algorithms=[alg])
    assert decoded.claims == claims
    assert decoded.header == {"alg": alg, "kid": signing_key(alg).kid, "typ": kind.typ}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("theirs", [ECKey.generate_key("P-256"), RSAKey.generate_key(2048)], ids=ALGS)
def test_tokens_of_joserfc_are_verified(kind: TokenKind, theirs: ECKey | RSAKey):
    alg = "ES256" if isinstance(theirs, ECKey) else "RS256"
    jwk = theirs.as_dict(private=False) | {"kid": theirs.thumbprint(), "alg": alg, "use": "sig"}
    header = {"alg": alg, "kid": jwk["kid"], "typ": kind.typ}
    token = joserfc_jwt.encode(header, claims_of(kind), theirs)
    keys = KeySet([VerificationKey.from_jwk(jwk)])
    assert verified(token, kind, keys=keys) == claims_of(kind)
    assert keys.find(theirs.thumbprint()) is not None


@pytest.mark.parametrize("alg", ALGS)
def test_kid_equals_the_thumbprint_of_joserfc(alg: str):
    key = signing_key(alg)
    kind = ECKey if alg == "ES256" else RSAKey
    assert kind.import_key(key.public_jwk()).thumbprint() == key.kid  # type: ignore[arg-type]


def _corpus() -> dict[str, str]:
    ours, other, rsa = signing_key("ES256"), signing_key("ES256", 1), signing_key("RS256")
    claims = claims_of(ACCESS_TOKEN)
    good = sign_jwt(claims, ours, typ="at+jwt")
    head, body, signature = good.split(".")
    return {
        "good": good,
        "another key under our kid": signed(header_of(other, kid=ours.kid), claims, other),
        "unknown kid": signed(header_of(other), claims, other),
        "alg of another key": signed(header_of(ours, alg="RS256"), claims, ours),
        "kid of another key": signed(header_of(ours, kid=rsa.kid), claims, ours),
        "alg none": signed(header_of(ours, alg="none"), claims, ours),
        "no alg": signed(header_of(ours, alg=None), claims, ours),
        "unknown crit": signed(header_of(ours, crit=["exp"], exp=1), claims, ours),
        "empty signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "swapped": f"{body}.{head}.{signature}",
        "payload is a list": signed(header_of(ours), [], ours),
        "payload is no JSON": signed(header_of(ours), b"{", ours),
        "header is a list": signed([], claims, ours),
        "header is no JSON": signed(b"{", claims, ours),
    }


@pytest.mark.parametrize("name", _corpus())
def test_tokens_that_joserfc_refuses_are_refused(name: str):
    token = _corpus()[name]
    try:
        joserfc_jwt.decode(
            token, _their_view(keys_of(signing_key("ES256"), signing_key("RS256"))), algorithms=list(ALGS)
        )
    except (JoseError, ValueError, KeyError, TypeError, AttributeError):
        assert reason_of_refusal(token) is not None
        assert name != "good"
    else:
        assert name == "good" or reason_of_refusal(token) is not None

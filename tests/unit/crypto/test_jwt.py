import itertools
from datetime import timedelta

import pytest

from libs.crypto.jwt import ACCESS_TOKEN, ID_TOKEN, ID_TOKEN_HINT, LOGOUT_TOKEN, MAX_TOKEN_BYTES, TokenKind, sign_jwt
from tests.unit.crypto.tokens import (
    AUDIENCE,
    EXPIRES,
    ISSUED,
    NOON,
    claims_of,
    header_of,
    keys_of,
    reason_of_refusal,
    signed,
    signing_key,
    verified,
)

pytestmark = pytest.mark.s(29)

KINDS = (ACCESS_TOKEN, ID_TOKEN, LOGOUT_TOKEN)
ALGS = ("ES256", "RS256")
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(("kind", "alg"), list(itertools.product(KINDS, ALGS)))
def test_signed_token_is_verified(kind: TokenKind, alg: str):
    claims = claims_of(kind)
    token = sign_jwt(claims, signing_key(alg), typ=kind.typ)
    assert verified(token, kind) == claims


@pytest.mark.s(28)
@pytest.mark.parametrize(("made", "asked"), list(itertools.permutations(KINDS, 2)))
def test_token_of_another_kind_is_refused(made: TokenKind, asked: TokenKind):
    token = sign_jwt(claims_of(made), signing_key("ES256"), typ=made.typ)
    assert reason_of_refusal(token, asked) == "ANOTHER_KIND"


@pytest.mark.s(28)
@pytest.mark.parametrize(("made", "asked"), list(itertools.permutations(KINDS, 2)))
def test_claims_of_another_kind_are_refused_despite_the_right_typ(made: TokenKind, asked: TokenKind):
    key = signing_key("ES256")
    token = signed(header_of(key, asked.typ), claims_of(made), key)
    assert reason_of_refusal(token, asked) in {"CLAIM_MISSING", "CLAIM_OF_ANOTHER_KIND"}


@pytest.mark.s(28)
@pytest.mark.parametrize("typ", ["jwt", "AT+JWT", "application/at+jwt", "dpop+jwt", "", None, 7, ["at+jwt"]])
def test_unknown_typ_is_refused(typ):
    key = signing_key("ES256")
    token = signed(header_of(key, typ), claims_of(ACCESS_TOKEN), key)
    assert reason_of_refusal(token) in {"ANOTHER_KIND", "HEADER_MEMBERS"}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in sorted(kind.required)])
def test_token_without_a_required_claim_is_refused(kind: TokenKind, name: str):
    key = signing_key("ES256")
    token = signed(header_of(key, kind.typ), claims_of(kind, **{name: None}), key)
    assert reason_of_refusal(token, kind) == "CLAIM_MISSING"


def test_logout_token_requires_sub_or_sid():
    key = signing_key("ES256")
    no_subject = claims_of(LOGOUT_TOKEN, sub=None, sid=None)
    assert reason_of_refusal(signed(header_of(key, "logout+jwt"), no_subject, key), LOGOUT_TOKEN) == "CLAIM_MISSING"
    for name in ("sub", "sid"):
        token = signed(header_of(key, "logout+jwt"), claims_of(LOGOUT_TOKEN, **{name: None}), key)
        assert reason_of_refusal(token, LOGOUT_TOKEN) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://evil.example"}, "ISSUER_MISMATCH"),
        ({"iss": "https://id.example/"}, "ISSUER_MISMATCH"),
        ({"iss": ["https://id.example"]}, "ISSUER_MISMATCH"),
        ({"aud": "https://other.example"}, "AUDIENCE_MISMATCH"),
        ({"aud": ["https://other.example", "https://api.example.evil"]}, "AUDIENCE_MISMATCH"),
        ({"aud": []}, "CLAIM_MALFORMED"),
        ({"aud": ""}, "CLAIM_MALFORMED"),
        ({"aud": [AUDIENCE, 7]}, "CLAIM_MALFORMED"),
        ({"aud": {AUDIENCE: True}}, "CLAIM_MALFORMED"),
        ({"sub": ""}, "CLAIM_MALFORMED"),
        ({"sub": 7}, "CLAIM_MALFORMED"),
        ({"client_id": ["c_web"]}, "CLAIM_MALFORMED"),
        ({"jti": {}}, "CLAIM_MALFORMED"),
        ({"exp": str(EXPIRES)}, "CLAIM_MALFORMED"),
        ({"exp": True}, "CLAIM_MALFORMED"),
        ({"exp": EXPIRES + 0.5}, "CLAIM_MALFORMED"),
        ({"exp": 10**400}, "CLAIM_MALFORMED"),
        ({"exp": ISSUED}, "CLAIM_MALFORMED"),
        ({"iat": -1}, "CLAIM_MALFORMED"),
        ({"nbf": "now"}, "CLAIM_MALFORMED"),
        ({"iat": ISSUED + 61}, "NOT_YET_VALID"),
        ({"nbf": ISSUED + 61}, "NOT_YET_VALID"),
        ({"iat": ISSUED - 600, "exp": ISSUED}, "EXPIRED"),
    ],
)
def test_token_with_an_invalid_claim_is_refused(changes, reason):
    key = signing_key("ES256")
    assert reason_of_refusal(signed(header_of(key), claims_of(ACCESS_TOKEN, **changes), key)) == reason


@pytest.mark.s(64)
def test_token_issued_more_than_a_minute_ahead_is_refused():
    token = sign_jwt(claims_of(ACCESS_TOKEN), signing_key("ES256"), typ="at+jwt")
    assert reason_of_refusal(token, now=NOON - timedelta(seconds=60)) is None
    assert reason_of_refusal(token, now=NOON - timedelta(seconds=61)) == "NOT_YET_VALID"
    assert reason_of_refusal(token, now=NOON - timedelta(minutes=5)) == "NOT_YET_VALID"


@pytest.mark.s(64)
def test_token_expires_exactly_without_leeway():
    token = sign_jwt(claims_of(ACCESS_TOKEN), signing_key("ES256"), typ="at+jwt")
    end, minute = NOON + timedelta(minutes=10), timedelta(seconds=60)
    assert reason_of_refusal(token, now=end - SECOND) is None
    assert reason_of_refusal(token, now=end) == "EXPIRED"
    assert reason_of_refusal(token, now=end + minute - SECOND, leeway=minute) is None
    assert reason_of_refusal(token, now=end + minute, leeway=minute) == "EXPIRED"
    assert reason_of_refusal(token, now=end + timedelta(minutes=5), leeway=minute) == "EXPIRED"


@pytest.mark.s(64)
@pytest.mark.parametrize("leeway", [timedelta(seconds=61), -SECOND])
def test_leeway_above_a_minute_is_refused(leeway: timedelta):
    with pytest.raises(ValueError, match="leeway"):
        verified("a.b.c", leeway=leeway)


def test_only_id_token_hint_may_be_expired():
    key = signing_key("RS256")
    old = claims_of(ID_TOKEN, iat=ISSUED - 1200, exp=ISSUED - 600)
    token = sign_jwt(old, key, typ="JWT")
    assert reason_of_refusal(token, ID_TOKEN) == "EXPIRED"
    assert verified(token, ID_TOKEN_HINT, audience=None) == old
    assert reason_of_refusal(token, ID_TOKEN_HINT, issuer="https://evil.example") == "ISSUER_MISMATCH"
    assert reason_of_refusal(token, ID_TOKEN_HINT, audience="another client") == "AUDIENCE_MISMATCH"


def test_token_is_verified_with_the_key_of_its_kid_only():
    ours, other = signing_key("ES256"), signing_key("ES256", 1)
    token = sign_jwt(claims_of(ACCESS_TOKEN), ours, typ="at+jwt")
    assert reason_of_refusal(token, keys=keys_of(other)) == "KEY_UNKNOWN"
    misnamed = signed(header_of(ours, kid=other.kid), claims_of(ACCESS_TOKEN), ours)
    assert reason_of_refusal(misnamed, keys=keys_of(ours, other)) == "SIGNATURE_INVALID"
    for kid in ("", ours.kid.lower() + "x", f"{ours.kid} ", None, 7, [ours.kid]):
        stray = signed(header_of(ours, kid=kid), claims_of(ACCESS_TOKEN), ours)
        assert reason_of_refusal(stray) in {"KEY_UNKNOWN", "HEADER_MEMBERS"}


def test_oversized_token_is_refused_before_decoding():
    key = signing_key("ES256")
    large = signed(header_of(key), claims_of(ACCESS_TOKEN, scope="x" * MAX_TOKEN_BYTES), key)
    assert reason_of_refusal(large) == "TOKEN_TOO_LARGE"
    wide = signed(header_of(key, typ="x" * 1024), claims_of(ACCESS_TOKEN), key)
    assert reason_of_refusal(wide) == "HEADER_TOO_LARGE"
    assert reason_of_refusal("." * (MAX_TOKEN_BYTES + 1)) == "TOKEN_TOO_LARGE"


@pytest.mark.s(28)
def test_sign_jwt_refuses_invalid_claims():
    key = signing_key("ES256")
    for typ in ("jwt", "dpop+jwt", ""):
        with pytest.raises(ValueError, match="kind of token"):
            sign_jwt(claims_of(ACCESS_TOKEN), key, typ=typ)
    for kind in KINDS:
        for name in kind.required:
            with pytest.raises(ValueError, match="CLAIM_MISSING"):
                sign_jwt(claims_of(kind, **{name: None}), key, typ=kind.typ)
    with pytest.raises(ValueError, match="CLAIM_OF_ANOTHER_KIND"):
        sign_jwt(claims_of(LOGOUT_TOKEN, nonce="n-1"), key, typ="logout+jwt")
    with pytest.raises(ValueError, match="maximum size"):
        sign_jwt(claims_of(ACCESS_TOKEN, scope="x" * MAX_TOKEN_BYTES), key, typ="at+jwt")
    with pytest.raises(ValueError, match="not JSON compliant"):
        sign_jwt(claims_of(ACCESS_TOKEN, weight=float("nan")), key, typ="at+jwt")

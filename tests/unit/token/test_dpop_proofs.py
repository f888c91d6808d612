"""Each condition of RFC 9449 4.3, and nonces (8). The cases are those of the module dpop-negative-tests."""

import json
from datetime import timedelta
from typing import Any

import pytest

from libs.crypto.strict import base64url
from libs.oauth.errors import InvalidDpopProof, UseDpopNonce
from services.token.domain.tokens.dpop import DpopHeader, DpopNonces, NonceMode
from services.token.usecases.tokens.verify_proof import VerifyProof
from tests.unit.token.parts import MINUTE, NOON, SECOND
from tests.unit.token.proofs import TOKEN_URL, a_header, a_proof, jkt_of, public_members

pytestmark = pytest.mark.s(26)
AT = int(NOON.timestamp())
NONCES = DpopNonces([b"n" * 32])


def _verifier(mode: NonceMode = "off") -> VerifyProof:
    absent: Any = None
    return VerifyProof(begin=absent, nonces=NONCES, nonce_mode=mode)


def _refusal(header: DpopHeader, *, token: str | None = None, mode: NonceMode = "off") -> str:
    with pytest.raises(InvalidDpopProof) as refusal:
        _verifier(mode).verify(header, now=NOON, access_token=token)
    return refusal.value.reason


def _unsigned(alg: str) -> str:
    header = {"typ": "dpop+jwt", "alg": alg, "jwk": public_members()}
    claims = {"jti": "j", "htm": "POST", "htu": TOKEN_URL, "iat": AT}
    return ".".join(base64url(json.dumps(part).encode()) for part in (header, claims)) + ".AAAA"


def _private_jwk() -> dict[str, str]:
    return {**public_members(), "d": "A" * 43}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"typ": "JWT"}, "DPOP_PROOF_MALFORMED"),
        ({"typ": "DPOP+JWT"}, "DPOP_PROOF_MALFORMED"),
        ({"alg": "RS256"}, "DPOP_PROOF_MALFORMED"),
        ({"jwk": public_members(1)}, "DPOP_PROOF_SIGNATURE"),
        ({"jwk": _private_jwk()}, "DPOP_PROOF_MALFORMED"),
        ({"jwk": {"kty": "oct", "k": "AAAA"}}, "DPOP_PROOF_MALFORMED"),
        ({"jwk": {**public_members(), "use": "enc"}}, "DPOP_PROOF_MALFORMED"),
        ({"jwk": {**public_members(), "alg": "RS256"}}, "DPOP_PROOF_MALFORMED"),
        ({"jti": None}, "DPOP_PROOF_MALFORMED"),
        ({"jti": ""}, "DPOP_PROOF_MALFORMED"),
        ({"jti": "j" * 513}, "DPOP_PROOF_MALFORMED"),
        ({"jti": 7}, "DPOP_PROOF_MALFORMED"),
        ({"htm": None}, "DPOP_PROOF_MISMATCH"),
        ({"htm": "GET"}, "DPOP_PROOF_MISMATCH"),
        ({"htm": "post"}, "DPOP_PROOF_MISMATCH"),
        ({"htu": None}, "DPOP_PROOF_MISMATCH"),
        ({"htu": 7}, "DPOP_PROOF_MISMATCH"),
        ({"htu": "https://[token"}, "DPOP_PROOF_MISMATCH"),
        ({"htu": "/token"}, "DPOP_PROOF_MISMATCH"),
        ({"htu": "http://token.example/token"}, "DPOP_PROOF_MISMATCH"),
        ({"htu": "https://token.example:444/token"}, "DPOP_PROOF_MISMATCH"),
        ({"htu": "https://token.example/Token"}, "DPOP_PROOF_MISMATCH"),
        ({"htu": "https://token.example/par"}, "DPOP_PROOF_MISMATCH"),
        ({"htu": "https://token.example/to\nken"}, "DPOP_PROOF_MISMATCH"),
        ({"htu": "https://user@token.example/token"}, "DPOP_PROOF_MISMATCH"),
        ({"iat": None}, "DPOP_PROOF_MALFORMED"),
        ({"iat": "now"}, "DPOP_PROOF_MALFORMED"),
        ({"iat": True}, "DPOP_PROOF_MALFORMED"),
        ({"iat": AT - 3600}, "DPOP_PROOF_TIME"),
        ({"iat": AT + 3600}, "DPOP_PROOF_TIME"),
        ({"iat": AT - 61}, "DPOP_PROOF_TIME"),
        ({"exp": AT - 60}, "DPOP_PROOF_TIME"),
        ({"nbf": AT + 61}, "DPOP_PROOF_TIME"),
    ],
)
def test_proof_is_refused_with_a_reason(changes: dict[str, Any], reason: str) -> None:
    assert _refusal(a_header(a_proof(**changes))) == reason


def test_proof_is_refused_when_it_is_not_signed_by_its_key() -> None:
    for text, reason in (
        ("not a JWT", "DPOP_PROOF_MALFORMED"),
        ("a.b.c", "DPOP_PROOF_MALFORMED"),
        ("", "DPOP_PROOF_MALFORMED"),
        (_unsigned("none"), "DPOP_PROOF_MALFORMED"),
        (_unsigned("HS256"), "DPOP_PROOF_MALFORMED"),
        (_unsigned("ES256"), "DPOP_PROOF_SIGNATURE"),
        (a_proof()[:-6] + "AAAAAA", "DPOP_PROOF_SIGNATURE"),
    ):
        assert _refusal(a_header(text)) == reason


@pytest.mark.parametrize("missing", ["typ", "alg", "jwk"])
def test_proof_is_refused_when_a_header_member_is_missing(missing: str) -> None:
    _, claims, signature = a_proof().split(".")
    members = {"typ": "dpop+jwt", "alg": "ES256", "jwk": public_members()}
    del members[missing]
    assert _refusal(a_header(f"{base64url(json.dumps(members).encode())}.{claims}.{signature}")) == (
        "DPOP_PROOF_MALFORMED"
    )


@pytest.mark.parametrize("ath", [None, "x", 7, ""])
def test_proof_with_an_access_token_is_refused_without_its_hash(ath: Any) -> None:
    assert _refusal(a_header(a_proof(ath=ath)), token="a token") == "DPOP_PROOF_MISMATCH"
    assert _refusal(a_header(a_proof(token="another token")), token="a token") == "DPOP_PROOF_MISMATCH"


def test_two_dpop_headers_are_refused() -> None:
    assert _refusal(a_header(a_proof(), a_proof())) == "DPOP_PROOF_REPEATED"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"htu": "HTTPS://TOKEN.example:443/token"},
        {"htu": "https://token.example/token?a=b#c"},
        {"htu": "https://token.example/%74oken"},
        {"iat": AT - 10},
        {"iat": AT + 10},
        {"iat": AT - 9.5},
        {"nbf": AT, "exp": AT + 300},
        {"header": {"cty": "unknown"}},
        {"unknown": {"a": 1}},
    ],
)
def test_proof_is_accepted_and_names_its_key(changes: dict[str, Any]) -> None:
    proof = _verifier().verify(a_header(a_proof(**changes)), now=NOON)
    assert proof is not None
    assert proof.jkt == jkt_of()


def test_request_without_a_dpop_header_has_no_proof() -> None:
    assert _verifier("required").verify(a_header(), now=NOON) is None


def test_nonce_is_requested_from_every_proof_when_required() -> None:
    for proof in (a_proof(), a_proof(nonce="wrong"), a_proof(nonce=7)):
        with pytest.raises(UseDpopNonce) as refusal:
            _verifier("required").verify(a_header(proof), now=NOON)
        again = a_proof(nonce=refusal.value.nonce)
        assert _verifier("required").verify(a_header(again), now=NOON)


def test_client_with_a_wrong_clock_succeeds_with_a_nonce() -> None:
    hour = AT + 3600
    with pytest.raises(UseDpopNonce) as refusal:
        _verifier("stale").verify(a_header(a_proof(iat=hour)), now=NOON)
    again = a_proof(iat=hour, nonce=refusal.value.nonce)
    assert _verifier("stale").verify(a_header(again), now=NOON)
    assert _refusal(a_header(again)) == "DPOP_PROOF_TIME"


def test_nonce_is_accepted_for_five_minutes_by_every_replica() -> None:
    nonce = NONCES.current(NOON)
    other = DpopNonces([b"m" * 32, b"n" * 32])
    for moment, good in (
        (NOON - MINUTE, True),
        (NOON, True),
        (NOON + 5 * MINUTE + 59 * SECOND, True),
        (NOON + 6 * MINUTE, False),
        (NOON - 2 * MINUTE, False),
    ):
        assert NONCES.is_current(nonce, moment) is good
        assert other.is_current(nonce, moment) is good
    assert not DpopNonces([b"m" * 32]).is_current(nonce, NOON)
    assert not NONCES.is_current("é", NOON)
    assert NONCES.current(NOON + timedelta(minutes=1)) != nonce

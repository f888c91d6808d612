"""Tokens for the tests of this folder, honest and forged; forged ones are put together without libs.crypto."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_private_key

from libs.crypto.jwt import (
    ACCESS_TOKEN,
    ID_TOKEN,
    LOGOUT_TOKEN,
    InvalidJwt,
    KeySet,
    SigningKey,
    TokenKind,
    VerificationKey,
    verify_jwt,
)
from libs.crypto.token_kinds import BACKCHANNEL_LOGOUT_EVENT

ISSUER = "https://id.example"
AUDIENCE = "https://api.example"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ISSUED = int(NOON.timestamp())
EXPIRES = ISSUED + 600


@cache
def signing_key(alg: str, which: int = 0) -> SigningKey:
    """One key per algorithm and number for the whole run: making RSA keys takes its time."""
    return SigningKey.generate(alg)


def keys_of(*keys: SigningKey) -> KeySet:
    return KeySet(VerificationKey.from_jwk(key.public_jwk()) for key in keys)


def all_keys() -> KeySet:
    return keys_of(signing_key("ES256"), signing_key("RS256"))


def claims_of(kind: TokenKind, **changes: Any) -> dict[str, Any]:
    """Good claims of `kind`; a change to None takes the claim away."""
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": ISSUED,
        "exp": EXPIRES,
        "sub": "01890a5d-ac96-774b-bcce-b302099a8057",
    }
    if kind is ACCESS_TOKEN:
        claims |= {"client_id": "c_web", "jti": "t-1", "scope": "openid"}
    elif kind is LOGOUT_TOKEN:
        claims |= {"jti": "t-2", "events": {BACKCHANNEL_LOGOUT_EVENT: {}}, "sid": "s-1"}
    elif kind is ID_TOKEN:
        claims |= {"nonce": "n-1"}
    return {name: value for name, value in (claims | changes).items() if value is not None}


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def header_of(key: SigningKey, typ: str = "at+jwt", **changes: Any) -> dict[str, Any]:
    header = {"alg": key.alg, "kid": key.kid, "typ": typ} | changes
    return {name: value for name, value in header.items() if value is not None}


def raw_signature(key: SigningKey, message: bytes) -> bytes:
    """A JWS signature made by `cryptography` alone."""
    private = load_der_private_key(key.to_pkcs8(), password=None)
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(message, padding.PKCS1v15(), hashes.SHA256())
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(private.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def assembled(header: Any, payload: Any, sign: Callable[[bytes], bytes]) -> str:
    """Any JWS at all. Header and payload are JSON values, or bytes to be taken as they are."""
    parts = (part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload))
    signing_input = ".".join(encoded(part) for part in parts)
    return f"{signing_input}.{encoded(sign(signing_input.encode()))}"


def signed(header: Any, payload: Any, key: SigningKey) -> str:
    """A JWS whose signature holds, whatever it says."""
    return assembled(header, payload, lambda message: raw_signature(key, message))


def verified(
    token: str, kind: TokenKind = ACCESS_TOKEN, *, keys: KeySet | None = None, **expected: Any
) -> dict[str, Any]:
    expected = dict[str, Any](issuer=ISSUER, audience=AUDIENCE, now=NOON) | expected
    return verify_jwt(token, keys or all_keys(), kind=kind, **expected)


def reason_of_refusal(token: str, kind: TokenKind = ACCESS_TOKEN, **expected: Any) -> str | None:
    """Why the token is refused; None when it is not."""
    try:
        verified(token, kind, **expected)
    except InvalidJwt as refusal:
        return refusal.reason
    return None

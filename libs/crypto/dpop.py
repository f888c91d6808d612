"""DPoP proofs as signed JWTs (RFC 9449 4.2). What a proof must say of its request is in `libs.oauth.dpop`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from libs.crypto.errors import InvalidJwt, InvalidKey
from libs.crypto.jwt import VerificationKey, is_signed_by, unverified_parts
from libs.crypto.strict import json_object

TYP: Final = "dpop+jwt"
ALGORITHMS: Final = ("ES256",)
_FORBIDDEN: Final = frozenset({"crit", "b64"})
_UNNAMED: Final = "dpop"


@dataclass(frozen=True)
class SignedProof:
    """A proof that is signed with the key in its own header. `jkt` is the thumbprint of that key (RFC 7638)."""

    jkt: str
    claims: Mapping[str, Any] = field(repr=False)


def signed_proof(text: str) -> SignedProof:
    """Return the proof if its signature matches the public key in its header.

    Raises:
        InvalidJwt: SIGNATURE_INVALID, or another reason for a malformed proof or an unsupported key or algorithm.
    """
    header, payload = unverified_parts(text)
    key = _key_of(header)
    if not is_signed_by(text, key):
        raise InvalidJwt("SIGNATURE_INVALID")
    try:
        return SignedProof(key.thumbprint, json_object(payload))
    except ValueError:
        raise InvalidJwt("CLAIMS_MALFORMED") from None


def _key_of(header: Mapping[str, Any]) -> VerificationKey:
    """Return the public key of the header. Other header members, such as kid, are ignored."""
    alg, jwk = header.get("alg"), header.get("jwk")
    if header.get("typ") != TYP:
        raise InvalidJwt("ANOTHER_KIND")
    if alg not in ALGORITHMS or not isinstance(jwk, Mapping) or jwk.get("alg", alg) != alg:
        raise InvalidJwt("ALGORITHM_MISMATCH")
    if not _FORBIDDEN.isdisjoint(header):
        raise InvalidJwt("HEADER_MEMBERS")
    try:
        return VerificationKey.from_jwk({**jwk, "kid": _UNNAMED, "alg": alg})
    except (InvalidKey, TypeError):
        raise InvalidJwt("KEY_UNKNOWN") from None

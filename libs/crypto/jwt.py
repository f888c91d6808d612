"""Signed JWTs. The only module that uses python-jose.

python-jose 3.5.0 takes the algorithm from the token by default, accepts a public key as an HMAC secret, ignores `crit`,
tries every key of a set and does not require claims. So this module uses only its JWS layer, with key objects that it
builds itself and the one algorithm to which each key is bound. It checks header, claims and JSON itself (RFC 8725 3).
JWE is not supported.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self

from cryptography.hazmat.primitives import serialization
from jose import jwk as jose_jwk
from jose import jws as jose_jws
from jose.backends import ECKey, RSAKey
from jose.backends.base import Key
from jose.backends.cryptography_backend import CryptographyECKey, CryptographyRSAKey
from jose.exceptions import JWSError

from libs.crypto.algorithms import PrivateKey, algorithm
from libs.crypto.errors import InvalidJwt, InvalidKey
from libs.crypto.jwk import load_public_key, public_jwk, thumbprint
from libs.crypto.strict import base64url_decode, json_object
from libs.crypto.token_kinds import (
    ACCESS_TOKEN,
    ID_TOKEN,
    ID_TOKEN_HINT,
    KINDS_BY_TYP,
    LOGOUT_TOKEN,
    MAX_SKEW,
    TokenKind,
    check_claims,
    check_members,
)

__all__ = [
    "ACCESS_TOKEN",
    "ID_TOKEN",
    "ID_TOKEN_HINT",
    "LOGOUT_TOKEN",
    "InvalidJwt",
    "InvalidKey",
    "KeySet",
    "SigningKey",
    "TokenKind",
    "UnverifiedJwt",
    "VerificationKey",
    "is_signed_by",
    "sign_jwt",
    "unverified_jwt",
    "unverified_parts",
    "verify_jwt",
]

MAX_TOKEN_BYTES: Final = 8 * 1024
MAX_HEADER_BYTES: Final = 1024
_HEADER_MEMBERS: Final = frozenset({"alg", "kid", "typ"})
_MAX_KID_LENGTH: Final = 128

if ECKey is not CryptographyECKey or RSAKey is not CryptographyRSAKey:
    raise ImportError("python-jose found no `cryptography` and fell back to a pure Python backend, which is not safe")

_encode_claims = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class VerificationKey:
    """A public key with its `kid` and the one algorithm for which it is used. Parsed once."""

    def __init__(self, jwk: Mapping[str, Any]) -> None:
        kid, alg = jwk.get("kid"), jwk.get("alg")
        if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID_LENGTH or not isinstance(alg, str):
            raise InvalidKey("kid or alg is missing")
        public = load_public_key(jwk)
        if not algorithm(alg).suits(public):
            raise InvalidKey("the key does not fit its algorithm")
        self.kid: Final = kid
        self.alg: Final = alg
        self._public: Final = public
        self._jose: Final = _jose_key(public, alg)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> Self:
        """Parse a public JWK with `kid` and `alg`. Raises InvalidKey."""
        return cls(jwk)

    @property
    def thumbprint(self) -> str:
        """The SHA-256 JWK thumbprint (RFC 7638)."""
        return thumbprint(self._public)

    def public_jwk(self) -> dict[str, str]:
        """Return the JWK to publish: public members only."""
        return public_jwk(self._public, kid=self.kid, alg=self.alg)

    def __repr__(self) -> str:
        return f"<VerificationKey {self.kid} {self.alg}>"


class SigningKey:
    """A private key with its `kid` and the one algorithm for which it is used. Its repr contains no key material."""

    def __init__(self, private: PrivateKey, *, kid: str, alg: str) -> None:
        if not algorithm(alg).suits(private.public_key()):
            raise InvalidKey("the key does not fit its algorithm")
        self.kid: Final = kid
        self.alg: Final = alg
        self._private: Final = private
        self._jose: Final = _jose_key(private, alg)

    @classmethod
    def generate(cls, alg: str) -> Self:
        """Generate a key whose `kid` is its thumbprint (RFC 7638). Blocks up to a second: not for the event loop."""
        private = algorithm(alg).generate()
        return cls(private, kid=thumbprint(private.public_key()), alg=alg)

    @classmethod
    def from_pkcs8(cls, kid: str, alg: str, der: bytes) -> Self:
        """Parse the output of `to_pkcs8`. Raises InvalidKey."""
        try:
            private = serialization.load_der_private_key(der, password=None)
        except (ValueError, TypeError) as error:
            raise InvalidKey("not a private key") from error
        return cls(private, kid=kid, alg=alg)  # type: ignore[arg-type]  # `suits` refuses every other type

    def to_pkcs8(self) -> bytes:
        """Return the unencrypted private key as DER. The caller must seal it at once and must not store it."""
        return self._private.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def public_jwk(self) -> dict[str, str]:
        """Return the JWK to publish: public members only."""
        return public_jwk(self._private.public_key(), kid=self.kid, alg=self.alg)

    def __repr__(self) -> str:
        return f"<SigningKey {self.kid} {self.alg}>"


class KeySet:
    """Verification keys by exact `kid`. A token is verified with the key of its `kid` only."""

    def __init__(self, keys: Iterable[VerificationKey]) -> None:
        keys = tuple(keys)
        self._by_kid = {key.kid: key for key in keys}
        if len(self._by_kid) != len(keys):
            raise InvalidKey("two keys have the same kid")

    def find(self, kid: str) -> VerificationKey | None:
        """Return the key with this `kid`, or None."""
        return self._by_kid.get(kid)

    def __iter__(self) -> Iterator[VerificationKey]:
        return iter(self._by_kid.values())

    def to_jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the JWK Set to publish (RFC 7517 5)."""
        return {"keys": [key.public_jwk() for key in self._by_kid.values()]}


def sign_jwt(claims: Mapping[str, Any], key: SigningKey, *, typ: str) -> str:
    """Sign `claims` as the kind of token with this `typ`.

    Raises ValueError for an unknown `typ`, and for claims that `verify_jwt` would refuse for this kind.
    """
    kind = KINDS_BY_TYP.get(typ)
    if kind is None:
        raise ValueError("unknown kind of token")
    try:
        check_members(claims, kind)
    except InvalidJwt as fault:
        raise ValueError(f"invalid claims for a {typ}: {fault.reason}") from fault
    payload = _encode_claims(claims).encode("ascii")
    token = jose_jws.sign(payload, key._jose, {"kid": key.kid, "typ": typ}, key.alg)  # noqa: SLF001 - a class of this module
    if len(token) > MAX_TOKEN_BYTES:
        raise ValueError("the token exceeds the maximum size")
    return token


def verify_jwt(
    token: str,
    keys: KeySet,
    *,
    kind: TokenKind,
    issuer: str,
    audience: str | None,
    now: datetime,
    leeway: timedelta = timedelta(0),
) -> dict[str, Any]:
    """Return the claims of a token that is signed with one of `keys`, of this `kind`, for `audience`, valid at `now`.

    `leeway` extends `exp` by at most 60 s; `iat` and `nbf` may always be 60 s in the future. Raises InvalidJwt, and no
    other exception, for every other token.
    """
    if not timedelta(0) <= leeway <= MAX_SKEW:
        raise ValueError("leeway must be 0 to 60 seconds")
    header, payload = unverified_parts(token)
    key = _key_for(header, keys, kind)
    if not is_signed_by(token, key):
        raise InvalidJwt("SIGNATURE_INVALID")
    try:
        claims = json_object(payload)
    except ValueError:
        raise InvalidJwt("CLAIMS_MALFORMED") from None
    check_claims(claims, kind, issuer=issuer, audience=audience, now=now, leeway=leeway)
    return claims


def unverified_jwt(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a JWT without verification, to find out which keys to fetch.

    Raises InvalidJwt if it is not a JWT, is too large, or has a header member other than `alg`, `kid` and `typ`.
    """
    header, payload = unverified_parts(token)
    if not header.keys() <= _HEADER_MEMBERS or not all(isinstance(value, str) for value in header.values()):
        raise InvalidJwt("HEADER_MEMBERS")
    try:
        return header, json_object(payload)
    except ValueError:
        raise InvalidJwt("CLAIMS_MALFORMED") from None


@dataclass(frozen=True)
class UnverifiedJwt:
    """A JWT that was parsed once and is not verified: `text` is what a signature is verified over."""

    text: str = field(repr=False)
    header: dict[str, Any]
    claims: dict[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InvalidJwt as `unverified_jwt` does."""
        return cls(text, *unverified_jwt(text))


def is_signed_by(token: str, key: VerificationKey) -> bool:
    """Return whether the signature is valid with this key and its algorithm. Does not check the claims."""
    try:
        jose_jws.verify(token, key._jose, [key.alg])  # noqa: SLF001 - a class of this module
    except JWSError:
        return False
    return True


def unverified_parts(token: str) -> tuple[dict[str, Any], bytes]:
    """Return header and payload of a JWS compact serialization in canonical form (RFC 7515 7.1), unverified.

    Raises InvalidJwt for everything else, such as a JWE, which has five parts.
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise InvalidJwt("TOKEN_TOO_LARGE")
    segments = token.split(".")
    if len(segments) != 3 or not all(segments):
        raise InvalidJwt("NOT_A_JWS")
    if len(segments[0]) > MAX_HEADER_BYTES:
        raise InvalidJwt("HEADER_TOO_LARGE")
    try:
        header, payload, _ = (base64url_decode(segment) for segment in segments)
        return json_object(header), payload
    except ValueError:
        raise InvalidJwt("NOT_A_JWS") from None


def _key_for(unverified_header: Mapping[str, Any], keys: KeySet, kind: TokenKind) -> VerificationKey:
    """Return the key by `kid`. Refuses a header that does not fit the key and the kind."""
    if unverified_header.keys() != _HEADER_MEMBERS:
        # Refuse all other members: crit, b64, zip, jku, jwk, x5u, x5c, x5t, cty, enc.
        raise InvalidJwt("HEADER_MEMBERS")
    if unverified_header["typ"] != kind.typ:
        raise InvalidJwt("ANOTHER_KIND")
    kid = unverified_header["kid"]
    key = keys.find(kid) if isinstance(kid, str) else None
    if key is None:
        raise InvalidJwt("KEY_UNKNOWN")
    if unverified_header["alg"] != key.alg or key.alg not in kind.algs:
        raise InvalidJwt("ALGORITHM_MISMATCH")
    return key


def _jose_key(key: object, alg: str) -> Key:
    prepared = jose_jwk.construct(key, alg)  # type: ignore[arg-type]  # missing in the stubs: key objects
    if not isinstance(prepared, CryptographyECKey | CryptographyRSAKey):
        raise InvalidKey("not an asymmetric key")
    return prepared

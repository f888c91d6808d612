"""Signatures of access tokens. The only module that uses joserfc, with the checks of RFC 8725 3.

joserfc accepts any permitted algorithm that fits the type of a key. So only one is permitted: the algorithm of the key
in the key set. Header and JSON are checked before. Keys never come from an access token, and symmetric keys are not
accepted. A DPoP proof contains its own public key, whose thumbprint is in the access token.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from latchkey_sdk.errors import ProofRefused, TokenRefused
from latchkey_sdk.verifier.strict import base64url_decode, json_object

MAX_TOKEN_BYTES: Final = 8 * 1024
MAX_HEADER_BYTES: Final = 1024
MAX_KEYS: Final = 64
_MAX_KID_LENGTH: Final = 128
_RSA_BITS: Final = range(2048, 8192 + 1)
_TYPES: Final = frozenset({"at+jwt", "application/at+jwt"})
_DANGEROUS: Final = frozenset({"crit", "b64", "jwk", "jku", "x5u", "x5c", "enc", "zip"})
"""Header parameters that are not supported or contain a key."""
PROOF_ALGORITHMS: Final = ("ES256",)
_PROOF_REGISTRY: Final = jws.JWSRegistry(algorithms=[*PROOF_ALGORITHMS], strict_check_header=False)
_UNSUPPORTED_IN_PROOFS: Final = frozenset({"crit", "b64"})
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class Key:
    """A public key with its `kid` and its algorithm."""

    def __init__(self, jwk: Mapping[str, Any]) -> None:
        """Raises ValueError if the JWK is not a supported signing key."""
        kid, alg = jwk.get("kid"), jwk.get("alg")
        if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID_LENGTH or not isinstance(alg, str):
            raise ValueError("no kid or no alg")
        if jwk.get("use", "sig") != "sig" or "verify" not in jwk.get("key_ops", ["verify"]):
            raise ValueError("not for signatures")
        self.kid: Final = kid
        self.alg: Final = alg
        self._key: Final = _public(jwk)

    def verify(self, token: str) -> None:
        """Raises TokenRefused."""
        try:
            jws.deserialize_compact(token, self._key, algorithms=[self.alg])
        except (JoseError, ValueError, TypeError):
            raise _refused("SIGNATURE_INVALID") from None


def _public(jwk: Mapping[str, Any]) -> ECKey | RSAKey:
    try:
        match jwk:
            case {"kty": "EC", "crv": "P-256", "alg": "ES256", "x": str(x), "y": str(y)}:
                return ECKey.import_key({"kty": "EC", "crv": "P-256", "x": x, "y": y})
            case {"kty": "RSA", "alg": "RS256", "n": str(n), "e": str(e)}:
                if int.from_bytes(base64url_decode(n)).bit_length() not in _RSA_BITS:
                    raise ValueError("unsupported RSA key size")
                return RSAKey.import_key({"kty": "RSA", "n": n, "e": e})
    except (JoseError, TypeError) as error:
        raise ValueError("not a public key") from error
    raise ValueError("unsupported key type or algorithm")


def read_keys(document: bytes) -> dict[str, Key]:
    """Return the usable keys of a JWK Set by `kid`. Other keys are ignored.

    Raises:
        ValueError: it is not a JWK Set (RFC 7517 5), or two keys have the same `kid`.
    """
    members = json_object(document).get("keys")
    if not isinstance(members, list) or len(members) > MAX_KEYS:
        raise ValueError("not a JWK Set")
    keys = list(_usable(members))
    by_kid = {key.kid: key for key in keys}
    if len(by_kid) != len(keys):
        raise ValueError("two keys with one kid")
    return by_kid


def _usable(members: Iterable[Any]) -> Iterable[Key]:
    for jwk in members:
        try:
            yield Key(jwk)
        except (ValueError, TypeError, AttributeError):
            continue


@dataclass(frozen=True)
class UnverifiedToken:
    """A token with a valid header. Its signature is not verified yet."""

    text: str
    kid: str
    alg: str

    @classmethod
    def parse(cls, text: str) -> "UnverifiedToken":
        """Raises TokenRefused."""
        if len(text) > MAX_TOKEN_BYTES or text.count(".") != 2:
            raise _refused("MALFORMED")
        encoded = text.partition(".")[0]
        try:
            if len(encoded) > MAX_HEADER_BYTES:
                raise ValueError("too long")  # noqa: TRY301
            header = json_object(base64url_decode(encoded))
        except ValueError:
            raise _refused("MALFORMED") from None
        if not _DANGEROUS.isdisjoint(header):
            raise _refused("HEADER_REFUSED")
        kid, alg, typ = header.get("kid"), header.get("alg"), header.get("typ")
        if not isinstance(typ, str) or typ.lower() not in _TYPES:  # RFC 9068 4: ID tokens are not accepted
            raise _refused("NO_ACCESS_TOKEN")
        if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID_LENGTH or not isinstance(alg, str):
            raise _refused("MALFORMED")
        return cls(text, kid, alg)

    def claims(self, key: Key) -> dict[str, Any]:
        """Return the claims after verifying the signature. Raises TokenRefused."""
        if self.alg != key.alg:
            raise _refused("ALG_OF_ANOTHER_KEY")
        key.verify(self.text)
        try:
            return json_object(base64url_decode(self.text.split(".")[1]))
        except ValueError:
            raise _refused("MALFORMED") from None


def read_proof(text: str) -> tuple[str, dict[str, Any]]:
    """Return the thumbprint (RFC 7638) of the key in a DPoP proof, and the claims that it signed (RFC 9449 4.2).

    Raises:
        ProofRefused: malformed, or not signed with the public key in its header.
    """
    try:
        if len(text) > MAX_TOKEN_BYTES or text.count(".") != 2:
            raise ValueError("not a JWS")  # noqa: TRY301
        header, claims = (json_object(base64url_decode(part)) for part in text.split(".")[:2])
        key = _proof_key(header)
        jws.deserialize_compact(text, key, registry=_PROOF_REGISTRY)
    except (JoseError, ValueError, TypeError):
        raise ProofRefused(
            "The DPoP proof is malformed or not signed with the public key in its header.", reason="PROOF_SIGNATURE"
        ) from None
    return key.thumbprint(), claims


def _proof_key(header: Mapping[str, Any]) -> ECKey | RSAKey:
    jwk = header.get("jwk")
    if header.get("typ") != "dpop+jwt" or header.get("alg") not in PROOF_ALGORITHMS or not isinstance(jwk, Mapping):
        raise ValueError("not a proof")
    if not _UNSUPPORTED_IN_PROOFS.isdisjoint(header) or not _PRIVATE.isdisjoint(jwk):
        raise ValueError("unsupported header, or a private key")
    if jwk.get("use", "sig") != "sig" or jwk.get("alg", header["alg"]) != header["alg"]:
        raise ValueError("not for this signature")
    return _public({**jwk, "alg": header["alg"]})


def _refused(reason: str) -> TokenRefused:
    return TokenRefused("The access token is malformed or not signed by the issuer.", reason=reason)

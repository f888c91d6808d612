"""Signatures of access tokens: the one place that touches joserfc, and the cage around it (RFC 8725 3).

joserfc takes the algorithms that it is told to take, and lets a key verify with any of them that suits its type. So it
is told one: the algorithm that the issuer's key set binds to the key. Header and JSON are judged here, before it. No
key comes from a token, and nothing symmetric is ever a key.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from latchkey_sdk.errors import TokenRefused
from latchkey_sdk.verifier.strict import base64url_decode, json_object

MAX_TOKEN_BYTES: Final = 8 * 1024
MAX_HEADER_BYTES: Final = 1024
MAX_KEYS: Final = 64
_MAX_KID_LENGTH: Final = 128
_RSA_BITS: Final = range(2048, 8192 + 1)
_TYPES: Final = frozenset({"at+jwt", "application/at+jwt"})
_DANGEROUS: Final = frozenset({"crit", "b64", "jwk", "jku", "x5u", "x5c", "enc", "zip"})
"""A header with one of these demands what is not understood here, or brings a key of its own."""


class Key:
    """A public key with its `kid` and the one algorithm that it verifies."""

    def __init__(self, jwk: Mapping[str, Any]) -> None:
        """Raises ValueError: it is no key that an issuer signs access tokens with."""
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
            raise _not_good("SIGNATURE_INVALID") from None


def _public(jwk: Mapping[str, Any]) -> ECKey | RSAKey:
    try:
        match jwk:
            case {"kty": "EC", "crv": "P-256", "alg": "ES256", "x": str(x), "y": str(y)}:
                return ECKey.import_key({"kty": "EC", "crv": "P-256", "x": x, "y": y})
            case {"kty": "RSA", "alg": "RS256", "n": str(n), "e": str(e)}:
                if int.from_bytes(base64url_decode(n)).bit_length() not in _RSA_BITS:
                    raise ValueError("an RSA key of a size that is not taken")
                return RSAKey.import_key({"kty": "RSA", "n": n, "e": e})
    except (JoseError, TypeError) as error:
        raise ValueError("not a public key") from error
    raise ValueError("not an algorithm that access tokens are signed with")


def read_keys(document: bytes) -> dict[str, Key]:
    """The usable keys of a JWK Set by their `kid`; others, such as those of later algorithms, are left out.

    Raises:
        ValueError: it is no JWK Set (RFC 7517 5), or two keys share a `kid`.
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
    """A token whose header is in order; nothing of it has been proved yet."""

    text: str
    kid: str
    alg: str

    @classmethod
    def parse(cls, text: str) -> "UnverifiedToken":
        """Raises TokenRefused."""
        if len(text) > MAX_TOKEN_BYTES or text.count(".") != 2:
            raise _not_good("MALFORMED")
        encoded = text.partition(".")[0]
        try:
            if len(encoded) > MAX_HEADER_BYTES:
                raise ValueError("too long")  # noqa: TRY301
            header = json_object(base64url_decode(encoded))
        except ValueError:
            raise _not_good("MALFORMED") from None
        if not _DANGEROUS.isdisjoint(header):
            raise _not_good("HEADER_REFUSED")
        kid, alg, typ = header.get("kid"), header.get("alg"), header.get("typ")
        if not isinstance(typ, str) or typ.lower() not in _TYPES:  # RFC 9068 4: an ID token is no access token
            raise _not_good("NO_ACCESS_TOKEN")
        if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID_LENGTH or not isinstance(alg, str):
            raise _not_good("MALFORMED")
        return cls(text, kid, alg)

    def claims(self, key: Key) -> dict[str, Any]:
        """The claims, if the key signed them. Raises TokenRefused."""
        if self.alg != key.alg:
            raise _not_good("ALG_OF_ANOTHER_KEY")
        key.verify(self.text)
        try:
            return json_object(base64url_decode(self.text.split(".")[1]))
        except ValueError:
            raise _not_good("MALFORMED") from None


def _not_good(reason: str) -> TokenRefused:
    return TokenRefused("The access token is malformed or not signed by the issuer.", reason=reason)

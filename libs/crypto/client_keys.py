"""Public keys of clients (RFC 7517) from their metadata or their `jwks_uri`, with or without a `kid`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from libs.crypto.errors import InvalidKey
from libs.crypto.jwk import PRIVATE_MEMBERS
from libs.crypto.jwt import VerificationKey
from libs.crypto.strict import json_object

MAX_KEYS: Final = 20
_ALGORITHMS: Final = {"RSA": "RS256", "EC": "ES256"}
"""The algorithm of a key whose JWK has no `alg` (optional by RFC 7517 4.4): exactly one for each key type."""
_UNNAMED: Final = "unnamed"


@dataclass(frozen=True)
class ClientKeySet:
    """Keys in the order of the set, each with its `kid` or None."""

    keys: Sequence[tuple[str | None, VerificationKey]]

    @classmethod
    def parse(cls, document: bytes) -> Self:
        """Parse a fetched JWK Set. Raises InvalidKey."""
        try:
            return cls.of(json_object(document))
        except ValueError as error:
            raise InvalidKey("not a JWK set") from error

    @classmethod
    def of(cls, jwks: Mapping[str, Any]) -> Self:
        """Return the supported signature keys of a JWK set; other keys are ignored.

        Raises:
            InvalidKey: not a JWK set, more than MAX_KEYS keys, or a private or symmetric key, which is compromised by
                being published.
        """
        members = jwks.get("keys")
        if not isinstance(members, list) or len(members) > MAX_KEYS:
            raise InvalidKey("not a JWK set")
        found = []
        for jwk in members:
            if not isinstance(jwk, Mapping) or not PRIVATE_MEMBERS.isdisjoint(jwk):
                raise InvalidKey("not a public key")
            kid = jwk.get("kid")
            try:
                key = VerificationKey.from_jwk(
                    {"alg": _ALGORITHMS.get(str(jwk.get("kty")), ""), **jwk, "kid": kid or _UNNAMED}
                )
            except InvalidKey:
                continue
            found.append((kid, key))
        return cls(tuple(found))

    def candidates(self, kid: str | None, alg: str) -> list[VerificationKey]:
        """Return the keys to try for a signature: those with this `kid` or without one; without `kid`, all of `alg`."""
        return [key for name, key in self.keys if key.alg == alg and (kid is None or name in {kid, None})]

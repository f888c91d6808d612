"""Public keys of clients (RFC 7517): read from their metadata or their `jwks_uri`, and often without a `kid`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from libs.crypto.errors import InvalidKey
from libs.crypto.jwk import PRIVATE_MEMBERS
from libs.crypto.jwt import VerificationKey
from libs.crypto.strict import json_object

MAX_KEYS: Final = 20
_ALGORITHMS: Final = {"RSA": "RS256", "EC": "ES256"}
"""What a key verifies whose JWK does not say (RFC 7517 4.4 leaves it open): never more than one algorithm."""
_UNNAMED: Final = "unnamed"


@dataclass(frozen=True)
class ClientKeySet:
    """Keys in their order, each with the `kid` that the client gave it, if it gave one."""

    keys: Sequence[tuple[str | None, VerificationKey]]

    @classmethod
    def parse(cls, document: bytes) -> Self:
        """A fetched JWK Set. Raises InvalidKey."""
        try:
            return cls.of(json_object(document))
        except ValueError as error:
            raise InvalidKey("not a JWK set") from error

    @classmethod
    def of(cls, jwks: Mapping[str, Any]) -> Self:
        """Keys that we can use; those of other types and for other uses are passed over.

        Raises:
            InvalidKey: no JWK set, more than MAX_KEYS keys, or a private or symmetric one: whoever publishes that has
                lost it.
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
        """Keys that may have made a signature: with a `kid` those of that name, otherwise all of the algorithm."""
        return [key for name, key in self.keys if key.alg == alg and (kid is None or name in {kid, None})]

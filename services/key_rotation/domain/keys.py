"""Signing keys and their states: NEXT -> ACTIVE -> RETIRING -> RETIRED, or REVOKED from any of them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from libs.crypto.jwt import SigningKey
from services.key_rotation.domain.seals import SealedPrivateKey

ALGS: Final = ("RS256", "ES256")
"""Supported signing algorithms. Each has its own keys."""


class KeyState(StrEnum):
    NEXT = "next"
    """Published, not used for signing yet, so that caches of the key set contain it before its first signature."""
    ACTIVE = "active"
    """Signs. One key for each algorithm."""
    RETIRING = "retiring"
    """Does not sign; the private key is deleted. Tokens that it signed are still valid."""
    RETIRED = "retired"
    """No longer in the key set; kept as a record."""
    REVOKED = "revoked"
    """Removed from the key set at once. Tokens that it signed are invalid."""


class RevocationReason(StrEnum):
    """Why a key was revoked."""

    COMPROMISED = "compromised"
    """The private key was disclosed."""
    SUSPECTED = "suspected"
    """The private key may have been disclosed."""
    DRILL = "drill"
    """An exercise of operators."""


PUBLISHED: Final = frozenset({KeyState.NEXT, KeyState.ACTIVE, KeyState.RETIRING})
SIGNING: Final = frozenset({KeyState.NEXT, KeyState.ACTIVE})
"""States in which a private key exists."""

_SUCCESSORS: Final[Mapping[KeyState, frozenset[KeyState]]] = {
    KeyState.NEXT: frozenset({KeyState.ACTIVE, KeyState.REVOKED}),
    KeyState.ACTIVE: frozenset({KeyState.RETIRING, KeyState.REVOKED}),
    KeyState.RETIRING: frozenset({KeyState.RETIRED, KeyState.REVOKED}),
    KeyState.RETIRED: frozenset({KeyState.REVOKED}),
    KeyState.REVOKED: frozenset(),
}


class IllegalTransition(Exception):
    """The state machine does not permit this transition."""


@dataclass(frozen=True, slots=True)
class Key:
    kid: str
    alg: str
    state: KeyState
    public_jwk: str
    """Public JWK (RFC 7517) as JSON."""
    private: SealedPrivateKey | None = field(repr=False)
    """None if the key does not sign any more."""
    published_at: datetime
    """Creation time. When `activates_at` is set, this becomes a time at which the key was certainly published."""
    activates_at: datetime | None
    """The key signs from this time on, on every replica by its own clock. None if it is not scheduled yet."""
    retires_at: datetime | None = None
    """When the key leaves the key set, after all tokens that it signed have expired. None if not scheduled yet."""
    signs_for: timedelta = timedelta(0)
    """Longest lifetime of tokens that the key signs."""
    revoked_at: datetime | None = None
    revocation_reason: RevocationReason | None = None
    version: int = 1
    """Incremented by every change. A change is saved only over the version that it was derived from."""

    @classmethod
    def of(cls, made: SigningKey, state: KeyState, *, private: SealedPrivateKey, now: datetime) -> Self:
        """Return the record of a new key."""
        return cls(
            kid=made.kid,
            alg=made.alg,
            state=state,
            public_jwk=json.dumps(made.public_jwk(), separators=(",", ":")),
            private=private,
            published_at=now,
            activates_at=now if state is KeyState.ACTIVE else None,
        )

    def become(self, state: KeyState) -> Self:
        """Return the key in another state. Raises IllegalTransition."""
        if state not in _SUCCESSORS[self.state]:
            raise IllegalTransition(f"{self.state} -> {state}")
        private = self.private if state in SIGNING else None
        return replace(self, state=state, private=private, version=self.version + 1)

    def revoked(self, reason: RevocationReason, *, now: datetime) -> Self:
        """Return the revoked key. Raises IllegalTransition if it is already revoked."""
        return replace(self.become(KeyState.REVOKED), revoked_at=now, revocation_reason=reason)


def missing_states(history: Iterable[Key]) -> tuple[KeyState, ...]:
    """Return the states for which a key has to be created, given all keys of an algorithm.

    The very first key is active at once, because no key set without it can be cached. Every later key begins as NEXT.
    """
    present = {key.state for key in history}
    if not present:
        return (KeyState.ACTIVE, KeyState.NEXT)
    return () if KeyState.NEXT in present else (KeyState.NEXT,)


def algs_without_signer(keys: Iterable[Key]) -> list[str]:
    """Return the algorithms that have neither an active nor a next key."""
    signing = {key.alg for key in keys if key.state in SIGNING}
    return [alg for alg in ALGS if alg not in signing]

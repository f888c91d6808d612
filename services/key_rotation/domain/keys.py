"""A signing key from its making to its end: NEXT -> ACTIVE -> RETIRING -> RETIRED, or REVOKED from any of them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from libs.crypto.jwt import SigningKey
from services.key_rotation.domain.seals import SealedPrivateKey

ALGS: Final = ("RS256", "ES256")
"""What we sign with; each has keys of its own."""


class KeyState(StrEnum):
    NEXT = "next"
    """Published, never used to sign: whoever caches the key set has it before its first signature."""
    ACTIVE = "active"
    """Signs. One for each algorithm."""
    RETIRING = "retiring"
    """Signs no more, and its private half is gone; what it signed is still alive."""
    RETIRED = "retired"
    """Out of the key set; kept for those who look into the past."""
    REVOKED = "revoked"
    """Out of the key set at once, with all that it signed."""


class RevocationReason(StrEnum):
    """Why a key was revoked."""

    COMPROMISED = "compromised"
    """Somebody else has it."""
    SUSPECTED = "suspected"
    """Somebody else may have it."""
    DRILL = "drill"
    """Operators try out what they would do."""


PUBLISHED: Final = frozenset({KeyState.NEXT, KeyState.ACTIVE, KeyState.RETIRING})
SIGNING: Final = frozenset({KeyState.NEXT, KeyState.ACTIVE})
"""States in which there is a private half."""

_SUCCESSORS: Final[Mapping[KeyState, frozenset[KeyState]]] = {
    KeyState.NEXT: frozenset({KeyState.ACTIVE, KeyState.REVOKED}),
    KeyState.ACTIVE: frozenset({KeyState.RETIRING, KeyState.REVOKED}),
    KeyState.RETIRING: frozenset({KeyState.RETIRED, KeyState.REVOKED}),
    KeyState.RETIRED: frozenset({KeyState.REVOKED}),
    KeyState.REVOKED: frozenset(),
}


class IllegalTransition(Exception):
    """A key cannot go from its state to that one."""


@dataclass(frozen=True, slots=True)
class Key:
    kid: str
    alg: str
    state: KeyState
    public_jwk: str
    """JSON (RFC 7517), public members only."""
    private: SealedPrivateKey | None = field(repr=False)
    """None once the key signs no more."""
    published_at: datetime
    """When it was made; from the moment when its turn is fixed on, one at which it was certainly published."""
    activates_at: datetime | None
    """From this moment on it signs, on every replica by its own clock; None while its turn is not fixed."""
    retires_at: datetime | None = None
    """When it leaves the key set: not before the last thing that it signed has expired. None until that is counted."""
    signs_for: timedelta = timedelta(0)
    """The longest life of anything that those who were given it sign."""
    revoked_at: datetime | None = None
    revocation_reason: RevocationReason | None = None
    version: int = 1
    """Rises with every change of state: a change is saved only over the version that it was made from."""

    @classmethod
    def of(cls, made: SigningKey, state: KeyState, *, private: SealedPrivateKey, now: datetime) -> Self:
        """The first entry about a key that was just made."""
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
        """The key in its next state. Raises IllegalTransition."""
        if state not in _SUCCESSORS[self.state]:
            raise IllegalTransition(f"{self.state} -> {state}")
        private = self.private if state in SIGNING else None
        return replace(self, state=state, private=private, version=self.version + 1)

    def revoked(self, reason: RevocationReason, *, now: datetime) -> Self:
        """Raises IllegalTransition when it is revoked already."""
        return replace(self.become(KeyState.REVOKED), revoked_at=now, revocation_reason=reason)


def missing_states(history: Iterable[Key]) -> tuple[KeyState, ...]:
    """Which keys have to be made now, given all keys that an algorithm ever had.

    The very first may sign at once: nobody can have cached a key set without it. After that every key begins as NEXT.
    """
    present = {key.state for key in history}
    if not present:
        return (KeyState.ACTIVE, KeyState.NEXT)
    return () if KeyState.NEXT in present else (KeyState.NEXT,)


def without_signer(keys: Iterable[Key]) -> list[str]:
    """Algorithms that nothing can be signed with, now or soon."""
    signing = {key.alg for key in keys if key.state in SIGNING}
    return [alg for alg in ALGS if alg not in signing]

"""What the use cases need from outside."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol

from libs.crypto.jwt import SigningKey
from libs.servicekit.events.event import Event
from services.key_rotation.domain.keys import Key
from services.key_rotation.domain.rotation import Change


class KeyReader(Protocol):
    async def history(self, alg: str) -> Sequence[Key]:
        """All keys that the algorithm ever had."""

    async def published(self) -> Sequence[Key]:
        """All keys that belong into the key set, in a stable order."""


class KeyWriter(KeyReader, Protocol):
    async def add(self, key: Key) -> bool:
        """False when the algorithm has a key in this state already: another replica was faster."""

    async def save(self, change: Change) -> bool:
        """False when the key is no longer what it was: another replica was faster, and nothing is changed."""

    async def prolong(self, signs_for: timedelta) -> None:
        """Remembers, for every key that may sign, what it will have signed: never less than before."""


class View(Protocol):
    """A consistent look at the store that changes nothing."""

    @property
    def keys(self) -> KeyReader: ...


class Work(Protocol):
    """One transaction: all of it happens and is told, or none of it."""

    @property
    def keys(self) -> KeyWriter: ...
    def emit(self, *events: Event) -> None:
        """Tells subscribers, if and when the work is committed."""


class Signers(Protocol):
    async def signer(self, alg: str, *, verifiable_for: timedelta) -> tuple[Key, SigningKey]:
        """The key that signs now, which will stay published for `verifiable_for` after its last signature.

        Raises TemporarilyUnavailable when there is none, or nobody can tell.
        """


ViewFactory = Callable[[], AbstractAsyncContextManager[View]]
WorkFactory = Callable[[], AbstractAsyncContextManager[Work]]
Generate = Callable[[str], Awaitable[SigningKey]]
"""Makes a key for an algorithm, away from the event loop."""
Turns = Callable[[], AbstractAsyncContextManager[bool]]
"""Is it this replica's turn, for as long as the block lasts? Spares work and decides nothing."""

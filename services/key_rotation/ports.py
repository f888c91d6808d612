"""Interfaces that the use cases of this service need; the store and the adapters implement them."""

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
        """Return all keys of the algorithm, in every state."""

    async def published(self) -> Sequence[Key]:
        """Return all keys of the key set, in a stable order."""


class KeyWriter(KeyReader, Protocol):
    async def add(self, key: Key) -> bool:
        """Return False if the algorithm already has a key in this state: another replica was faster."""

    async def save(self, change: Change) -> bool:
        """Return False if the stored key differs from `change.before`: another replica was faster."""

    async def prolong(self, signs_for: timedelta) -> None:
        """Raise `signs_for` of every key that may sign to at least this value."""


class Reader(Protocol):
    """A consistent snapshot of the store. It cannot change anything."""

    @property
    def keys(self) -> KeyReader: ...


class Writer(Protocol):
    """One transaction: its changes and its events are committed together or not at all."""

    @property
    def keys(self) -> KeyWriter: ...
    def emit(self, *events: Event) -> None:
        """Publish these events if the transaction commits."""


class Signers(Protocol):
    async def signer(self, alg: str, *, verifiable_for: timedelta) -> tuple[Key, SigningKey]:
        """Return the active key. It stays published for `verifiable_for` after its last signature.

        Raises TemporarilyUnavailable if there is no active key or the view of the keys is too old.
        """


View = Callable[[], AbstractAsyncContextManager[Reader]]
Begin = Callable[[], AbstractAsyncContextManager[Writer]]
Generate = Callable[[str], Awaitable[SigningKey]]
"""Generates a key for an algorithm without blocking the event loop."""
TryLock = Callable[[], AbstractAsyncContextManager[bool]]
"""Yields True if this replica has the rotation lock. The lock only saves work; correctness does not depend on it."""

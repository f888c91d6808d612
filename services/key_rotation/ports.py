"""What the use cases need from outside."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from libs.crypto.jwt import SigningKey
from libs.servicekit.facts import Fact
from services.key_rotation.domain.keys import Key


class KeyReader(Protocol):
    async def history(self, alg: str) -> Sequence[Key]:
        """All keys that the algorithm ever had."""

    async def published(self) -> Sequence[Key]:
        """All keys that belong into the key set, in a stable order."""


class KeyWriter(KeyReader, Protocol):
    async def add(self, key: Key) -> bool:
        """False when the algorithm has a key in this state already: another replica was faster."""


class View(Protocol):
    """A consistent look at the store that changes nothing."""

    @property
    def keys(self) -> KeyReader: ...


class Work(Protocol):
    """One transaction: all of it happens and is told, or none of it."""

    @property
    def keys(self) -> KeyWriter: ...
    def emit(self, *facts: Fact) -> None:
        """Tells subscribers, if and when the work is committed."""


ViewFactory = Callable[[], AbstractAsyncContextManager[View]]
WorkFactory = Callable[[], AbstractAsyncContextManager[Work]]
Generate = Callable[[str], Awaitable[SigningKey]]
"""Makes a key for an algorithm, away from the event loop."""

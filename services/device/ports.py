"""Interfaces that the use cases of this service need; the store implements them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from libs.servicekit.base.limits import Tally
from libs.servicekit.events.event import Event
from services.device.domain.device_codes import DeviceCode


@dataclass(frozen=True)
class ExpiredCode:
    """The data of an expired code that its event needs. `user_id` is the user who had approved it, or empty."""

    id: str
    client_id: str
    user_id: str


class DeviceCodeReader(Protocol):
    async def find(self, device_code_hash: bytes) -> DeviceCode | None: ...

    async def find_pending(self, user_code_hash: bytes, *, now: datetime) -> DeviceCode | None:
        """Return the pending, unexpired device authorization with this user code."""

    async def count_alive(self, *, now: datetime, limit: int) -> int:
        """Return the number of unexpired codes, at most `limit`."""


class DeviceCodeWriter(DeviceCodeReader, Protocol):
    async def add(self, code: DeviceCode, *, device_code_hash: bytes, user_code_hash: bytes) -> bool:
        """Return False if another pending authorization has the same user code."""

    async def decide(self, decided: DeviceCode) -> bool:
        """Store an approval or a denial. Returns True for exactly one caller."""

    async def redeem(self, redeemed: DeviceCode) -> bool:
        """Mark the code as redeemed. Returns True for exactly one caller."""

    async def slow_down(self, slowed: DeviceCode) -> None: ...

    async def record_polls(self, polls: Iterable[tuple[str, datetime]]) -> None:
        """Store the time of the latest poll for each of these code ids."""

    async def expire(self, *, now: datetime, limit: int) -> Sequence[ExpiredCode]:
        """Mark at most `limit` codes as expired. Each code is returned once, to one caller."""

    async def forget(self, *, expired_before: datetime, limit: int) -> int:
        """Delete at most `limit` codes that expired before this time. Returns the number of deleted codes."""


class TallyWriter(Protocol):
    async def read(self, keys: Iterable[str]) -> Mapping[str, Tally]: ...

    async def add(self, keys: Iterable[str], *, window: timedelta, now: datetime) -> Mapping[str, Tally]:
        """Add one under each key and lock the keys until the end of the transaction, so that no count is lost."""

    async def take_back(self, keys: Iterable[str]) -> None:
        """Subtract one under each key."""

    async def forget(self, *, began_before: datetime, limit: int) -> int:
        """Delete at most `limit` tallies whose window began before this time. Returns the number of deleted tallies."""


class Reader(Protocol):
    """A consistent snapshot of the store. It cannot change anything."""

    @property
    def device_codes(self) -> DeviceCodeReader: ...


class Writer(Protocol):
    """One transaction: its changes and its events are committed together or not at all."""

    @property
    def device_codes(self) -> DeviceCodeWriter: ...
    @property
    def tallies(self) -> TallyWriter: ...
    def emit(self, *events: Event) -> None:
        """Publish these events if the transaction commits."""


View = Callable[[], AbstractAsyncContextManager[Reader]]
Begin = Callable[[], AbstractAsyncContextManager[Writer]]

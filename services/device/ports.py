"""What the use cases need from outside: the store gives it."""

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
    """What is left to tell of one that ran out of time. `user_id`: who had allowed it, if anybody."""

    id: str
    client_id: str
    user_id: str


class DeviceCodes(Protocol):
    async def find(self, device_code_hash: bytes) -> DeviceCode | None: ...

    async def find_waiting(self, user_code_hash: bytes, *, now: datetime) -> DeviceCode | None:
        """The one that this user code stands for while it waits for a person."""

    async def count_alive(self, *, now: datetime, most: int) -> int:
        """How many have not expired, counted up to `most`."""

    async def add(self, code: DeviceCode, *, device_code_hash: bytes, user_code_hash: bytes) -> bool:
        """False when another one waits under the same user code."""

    async def decide(self, decided: DeviceCode) -> bool:
        """Makes an approval or a denial true; True for exactly one caller."""

    async def redeem(self, redeemed: DeviceCode) -> bool:
        """Spends it; True for exactly one caller, ever."""

    async def slow_down(self, slowed: DeviceCode) -> None: ...

    async def record_polls(self, polls: Iterable[tuple[str, datetime]]) -> None:
        """When each of these ids was last polled."""

    async def expire(self, *, now: datetime, limit: int) -> Sequence[ExpiredCode]:
        """Marks at most `limit` of those that ran out of time; each is returned to one caller, once."""

    async def forget(self, *, expired_before: datetime, limit: int) -> int:
        """Deletes at most `limit` that expired before then; how many it was."""


class Tallies(Protocol):
    async def read(self, keys: Iterable[str]) -> Mapping[str, Tally]: ...

    async def add(self, keys: Iterable[str], *, window: timedelta, now: datetime) -> Mapping[str, Tally]:
        """Counts one more under each key and holds them until the end of the work: others wait, so none is missed."""

    async def take_back(self, keys: Iterable[str]) -> None:
        """One less under each key."""

    async def forget(self, *, began_before: datetime, limit: int) -> int:
        """Deletes at most `limit` whose window began before then; how many it was."""


class Work(Protocol):
    """One transaction: all of it happens and is told, or none of it."""

    @property
    def device_codes(self) -> DeviceCodes: ...
    @property
    def tallies(self) -> Tallies: ...
    def emit(self, *events: Event) -> None:
        """Tells subscribers, if and when the work is committed."""


Begin = Callable[[], AbstractAsyncContextManager[Work]]
"""Begins a transaction, or a consistent look at the store (`view`), in which nothing may be changed."""

"""What the use cases need from the world, where more than one thing can give it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from libs.crypto.jwt import KeySet, SigningKey
from libs.servicekit.facts import Fact
from services.token.domain.clients import Client


class ClientDirectory(Protocol):
    async def find(self, client_id: str) -> Client | None:
        """The client as it was at most a cache's lifetime ago."""

    def forget(self) -> None:
        """Reads afresh from now on."""


class Keys(Protocol):
    def signer(self, alg: str, *, now: datetime) -> SigningKey:
        """The key that signs at this moment. Raises TemporarilyUnavailable when the view of the keys is too old."""

    @property
    def verification(self) -> KeySet:
        """All keys whose signatures hold."""


class Accounts(Protocol):
    async def find(self, *, user_id: str, session_id: str, claims: Sequence[str]) -> "Account | None":
        """The state of a person's account now, and the claims asked for; None when there is no such person."""


class Account(Protocol):
    @property
    def active(self) -> bool: ...
    @property
    def session_live(self) -> bool: ...
    @property
    def claims(self) -> Mapping[str, Any]: ...


class Telemetry(Protocol):
    def record(self, fact: Fact) -> None:
        """Tells subscribers, without waiting and without a promise."""

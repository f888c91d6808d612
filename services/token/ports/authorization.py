"""Authorization requests: pending and pushed requests, consents, devices and the limit on stored requests."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from libs.oauth.parameters import Parameters
from services.token.domain.authorization.connections import ConsentRecord
from services.token.domain.authorization.devices import AllowedDevice, DeviceCodes
from services.token.domain.authorization.pending_requests import PendingRequest
from services.token.domain.authorization.pushed_requests import PushedRequest
from services.token.domain.clients.client import Client


class PendingRequestReader(Protocol):
    async def find(self, id_hash: bytes) -> PendingRequest | None: ...


class PendingRequestWriter(PendingRequestReader, Protocol):
    async def add(self, pending: PendingRequest) -> None: ...

    async def record_consent(self, id_hash: bytes, *, user_id: str) -> None: ...

    async def complete(self, id_hash: bytes, *, now: datetime) -> bool:
        """Complete the request. Return True for exactly one caller."""


class PushedRequestReader(Protocol):
    async def find(self, id_hash: bytes) -> PushedRequest | None: ...


class PushedRequestWriter(PushedRequestReader, Protocol):
    async def add(self, pushed: PushedRequest) -> None: ...

    async def complete(self, id_hash: bytes, *, now: datetime) -> bool:
        """Complete the request. Return True for exactly one caller."""


class ExportReader(Protocol):
    async def of_user(self, user_id: str) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """Return the stored data of a user by table, without secrets; times as RFC 3339 strings."""


class ConsentReader(Protocol):
    async def find(self, *, user_id: str, client_id: str, resources: tuple[str, ...]) -> frozenset[str]:
        """Return the scope values that the user has consented to for every one of these resources."""

    async def of_user(self, user_id: str) -> Sequence[ConsentRecord]: ...


class ConsentWriter(ConsentReader, Protocol):
    async def remember(
        self, *, user_id: str, client_id: str, scopes: tuple[str, ...], resources: tuple[str, ...], now: datetime
    ) -> None: ...

    async def forget(self, *, user_id: str, client_id: str) -> bool:
        """Return False when no consent was stored."""

    async def forget_client(self, client_id: str) -> None: ...

    async def forget_user(self, user_id: str) -> None: ...


class PendingRequestLimiter(Protocol):
    def require_room(self, parameters: Parameters, *, network: str, client_id: str = "", now: datetime) -> None:
        """Count a request that is about to be stored. Raises TemporarilyUnavailable above the limit."""


class Devices(Protocol):
    """The device service."""

    async def create(
        self, client: Client, scopes: tuple[str, ...], *, resources: tuple[str, ...], remote_address: str
    ) -> DeviceCodes:
        """Return a new device code and user code. Raises TemporarilyUnavailable above the rate limit."""

    async def poll(self, device_code: str, *, client_id: str, wait: timedelta) -> AllowedDevice:
        """Return what the user allowed, without redeeming the code. Raises the errors of RFC 8628 3.5."""

    async def redeem(self, device_code: str, *, client_id: str) -> None:
        """Redeem the code. Succeeds exactly once; raises InvalidGrant afterwards."""

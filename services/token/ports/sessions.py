"""Ended sessions: the clients of a session, back-channel logout deliveries and the inbox of consumed events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from services.token.domain.sessions.logout import LogoutDelivery, Outcome


class SessionClientReader(Protocol):
    """The clients that a session has signed in to and that register a logout URI."""

    async def of(self, session_id: str) -> Sequence[str]: ...


class SessionClientWriter(SessionClientReader, Protocol):
    async def remember(self, session_id: str, client_id: str, *, expires_at: datetime) -> None: ...

    async def forget(self, session_id: str) -> Sequence[str]:
        """Remove the clients of a session and return their client ids."""


class LogoutDeliveryWriter(Protocol):
    async def add(self, delivery: LogoutDelivery) -> None:
        """Queue a delivery, at most one for each session and client."""

    async def claim(self, *, limit: int, now: datetime) -> Sequence[LogoutDelivery]:
        """Lease due deliveries to this caller."""

    async def postpone(self, delivery: LogoutDelivery, *, until: datetime) -> bool:
        """Return False when the lease has ended and another attempt has begun."""

    async def settle(self, delivery: LogoutDelivery, outcome: Outcome) -> bool:
        """Return False when the lease has ended and another attempt has begun."""


class InboxWriter(Protocol):
    async def take(self, *, consumer: str, event_id: str, now: datetime) -> bool:
        """Return True when this consumer has not handled the event before."""

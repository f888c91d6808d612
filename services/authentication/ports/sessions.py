"""Repositories of sessions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from services.authentication.domain.accounts.account import Account
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sessions.session import EndedSession, EndReason, Session
from services.authentication.domain.sessions.session_list import ListedSession


class SessionReader(Protocol):
    async def with_account(self, secret_hash: bytes) -> tuple[Session, Account] | None:
        """Return the session of a secret and the account of its user, in one read."""

    async def live_of(self, user_id: str, *, now: datetime, limit: int) -> Sequence[ListedSession]:
        """Return sessions that have not ended, most recently used first."""


class SessionWriter(Protocol):
    async def with_account(self, secret_hash: bytes) -> tuple[Session, Account] | None: ...

    async def step_up(self, secret_hash: bytes, *, new_hash: bytes, acr: str, amr: tuple[str, ...]) -> Session | None:
        """Replace the secret, acr and amr of a session. None if it has ended."""

    async def add(self, session: Session, *, secret_hash: bytes, origin: Origin) -> None: ...

    async def end(self, secret_hash: bytes, *, reason: EndReason, now: datetime) -> EndedSession | None:
        """End the session of a secret. None if there is no live session."""

    async def end_all_of(self, user_id: str, *, reason: EndReason, now: datetime) -> Sequence[EndedSession]: ...

    async def end_others_of(
        self, user_id: str, *, keep: str, reason: EndReason, now: datetime
    ) -> Sequence[EndedSession]: ...

    async def end_one_of(
        self, user_id: str, session_id: str, *, reason: EndReason, now: datetime
    ) -> Sequence[EndedSession]:
        """End one session. Returns nothing if it belongs to another user."""

    async def end_some_of(
        self, user_id: str, session_ids: Sequence[str], *, reason: EndReason, now: datetime
    ) -> Sequence[EndedSession]:
        """End these sessions. Ignores those of other users."""

    async def end_surplus_of(self, user_id: str, *, keep: int, now: datetime) -> Sequence[EndedSession]:
        """End all sessions of the user as expired, except the `keep` most recently used ones."""

    async def end_expired(self, *, unseen_since: datetime, now: datetime, limit: int) -> Sequence[EndedSession]:
        """End at most `limit` sessions that have expired or were last used before `unseen_since`."""

    async def forget_ended(self, *, before: datetime, limit: int) -> int:
        """Delete at most `limit` sessions that ended before then. Returns the number of deleted sessions."""

    async def touch(self, session_ids: Sequence[str], *, seen_at: datetime) -> None:
        """Record a use of these sessions, except those that have ended."""

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
        """The session behind a secret and the user it belongs to: one read."""

    async def live_of(self, user_id: str, *, now: datetime, limit: int) -> Sequence[ListedSession]:
        """Sessions that have not ended, those used last first."""


class SessionWriter(Protocol):
    async def with_account(self, secret_hash: bytes) -> tuple[Session, Account] | None: ...

    async def step_up(self, secret_hash: bytes, *, new_hash: bytes, acr: str, amr: tuple[str, ...]) -> Session | None:
        """The session behind a secret gets another secret and another class; None when it has ended."""

    async def add(self, session: Session, *, secret_hash: bytes, origin: Origin) -> None: ...

    async def end(self, secret_hash: bytes, *, reason: EndReason, now: datetime) -> EndedSession | None:
        """Ends the session behind a secret; None when there is none that has not ended."""

    async def end_all_of(self, user_id: str, *, reason: EndReason, now: datetime) -> Sequence[EndedSession]: ...

    async def end_others_of(
        self, user_id: str, *, keep: str, reason: EndReason, now: datetime
    ) -> Sequence[EndedSession]: ...

    async def end_one_of(
        self, user_id: str, session_id: str, *, reason: EndReason, now: datetime
    ) -> Sequence[EndedSession]:
        """Nothing when the session is another's."""

    async def end_surplus_of(self, user_id: str, *, keep: int, now: datetime) -> Sequence[EndedSession]:
        """Ends, as expired, all sessions of the user but the `keep` that were used last."""

    async def end_expired(self, *, unseen_since: datetime, now: datetime, limit: int) -> Sequence[EndedSession]:
        """Ends at most `limit` sessions that are past their time or unseen since then."""

    async def forget_ended(self, *, before: datetime, limit: int) -> int:
        """Deletes at most `limit` sessions that ended before then; how many it was."""

    async def touch(self, session_ids: Sequence[str], *, seen_at: datetime) -> None:
        """Records a use of these sessions; those that have ended stay as they are."""

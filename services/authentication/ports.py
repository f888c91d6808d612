"""What the use cases need from outside. The store, the pool and the tests' own parts each give these."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from libs.servicekit.facts import Fact
from services.authentication.domain.accounts import Account, Credentials
from services.authentication.domain.session_list import ListedSession
from services.authentication.domain.sessions import EndedSession, EndReason, Session
from services.authentication.domain.throttle import Failures


class AccountReader(Protocol):
    async def credentials(self, username_key: str) -> Credentials | None:
        """What a sign-in under this name is judged by."""

    async def page(self, *, after: str, size: int) -> Sequence[Account]:
        """At most `size` accounts with ids beyond `after`, in the order of their creation."""

    async def with_session(self, user_id: str, session_id: str) -> tuple[Account, Session | None] | None:
        """An account and, if the id is of a session of its own, that session: one read."""


class AccountWriter(Protocol):
    async def lock(self, user_id: str) -> Credentials | None:
        """The credentials as they are now; until the end of the work nobody else changes them."""

    async def add(self, account: Account, *, username_key: str, password_hash: str) -> bool:
        """False when the name is taken; the work is then to be given up."""

    async def upgrade_hash(self, user_id: str, password_hash: str) -> None:
        """Keeps another hash of the same password."""

    async def set_password(self, username_key: str, password_hash: str) -> str | None:
        """The id of the user whose password it is from now on; None when nobody has the name."""

    async def change_password(self, user_id: str, password_hash: str) -> None: ...

    async def disable(self, username_key: str) -> tuple[Account, bool] | None:
        """The account, and whether it was active until now; None when nobody has the name."""


class SessionReader(Protocol):
    async def with_account(self, secret_hash: bytes) -> tuple[Session, Account] | None:
        """The session behind a secret and the person it belongs to: one read."""

    async def live_of(self, user_id: str, *, now: datetime, most: int) -> Sequence[ListedSession]:
        """Sessions that have not ended, those used last first."""


class SessionWriter(Protocol):
    async def add(self, session: Session, *, secret_hash: bytes, ip_prefix: str) -> None: ...

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


class FailureReader(Protocol):
    async def under(self, keys: Collection[bytes]) -> Mapping[bytes, Failures]:
        """What was counted under these keys, as far as anything was."""


class FailureWriter(Protocol):
    async def count(self, keys: Collection[bytes], *, now: datetime) -> None: ...

    async def forgive(self, key: bytes) -> None: ...

    async def forget(self, *, before: datetime, limit: int) -> int:
        """Deletes at most `limit` counts whose last failure was before then; how many it was."""


class View(Protocol):
    """A consistent look at the store that changes nothing."""

    @property
    def accounts(self) -> AccountReader: ...
    @property
    def sessions(self) -> SessionReader: ...
    @property
    def failures(self) -> FailureReader: ...


class Work(Protocol):
    """One transaction: all of it happens and is told, or none of it."""

    @property
    def accounts(self) -> AccountWriter: ...
    @property
    def sessions(self) -> SessionWriter: ...
    @property
    def failures(self) -> FailureWriter: ...
    def emit(self, *facts: Fact) -> None:
        """Tells subscribers, if and when the work is committed."""


ViewFactory = Callable[[], AbstractAsyncContextManager[View]]
WorkFactory = Callable[[], AbstractAsyncContextManager[Work]]


class Passwords(Protocol):
    """Password hashing away from the event loop. Every call may raise TemporarilyUnavailable: the queue is full."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """False without a hash, at the same price."""

    def outdated(self, password_hash: str) -> bool:
        """The hash was made with other parameters than today's."""

"""Repositories of accounts and their exports."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from services.authentication.domain.accounts.account import Account, Credentials
from services.authentication.domain.accounts.claims import Profile
from services.authentication.domain.sessions.session import Session


class AccountReader(Protocol):
    async def with_credentials(self, user_id: str) -> tuple[Account, Credentials] | None: ...

    async def credentials(self, username_key: str) -> Credentials | None:
        """What a sign-in under this name is judged by."""

    async def by_name(self, username_key: str) -> Account | None: ...

    async def page(self, *, after: str, size: int) -> Sequence[Account]:
        """At most `size` accounts with ids beyond `after`, in the order of their creation."""

    async def with_session(self, user_id: str, session_id: str) -> tuple[Account, Session | None] | None:
        """An account and, if the id is of a session of its own, that session: one read."""


class AccountWriter(Protocol):
    async def lock_account(self, user_id: str) -> Account | None:
        """The current account, locked until the end of the transaction."""

    async def named(self, *, username_key: str | None, address_key: str | None, limit: int) -> Sequence[str]:
        """Ids of active accounts with this name or with this address."""

    async def with_credentials(self, user_id: str) -> tuple[Account, Credentials] | None: ...

    async def lock(self, user_id: str) -> Credentials | None:
        """The current credentials, locked until the end of the transaction."""

    async def lock_named(self, username_key: str) -> str | None:
        """The id of the user with this name, locked as `lock` does; None if the name is unknown."""

    async def add(self, account: Account, *, username_key: str, password_hash: str) -> bool:
        """False when the name is taken; the work is then to be given up."""

    async def upgrade_hash(self, user_id: str, password_hash: str) -> None:
        """Keeps another hash of the same password."""

    async def set_password(self, username_key: str, password_hash: str) -> str | None:
        """The id of the user whose password was set; None if the name is unknown."""

    async def change_password(self, user_id: str, password_hash: str) -> None: ...

    async def set_profile(self, user_id: str, profile: Profile, *, now: datetime) -> None:
        """The standard claims alone."""

    async def set_claims(self, account: Account) -> None:
        """Profile and attributes, as they are in it."""

    async def erase(self, user_id: str) -> bool:
        """Forgets all that is known of an active account, in every table, and keeps its id. False when it is none."""

    async def disable(self, username_key: str) -> tuple[Account, bool] | None:
        """The account, and whether it was active; None if the name is unknown."""


class ExportReader(Protocol):
    async def of_user(self, user_id: str) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """The data of a user in the other tables, without secrets; timestamps as RFC 3339."""

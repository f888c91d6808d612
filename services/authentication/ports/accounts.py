"""Repositories of accounts and their exports."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from services.authentication.domain.accounts.account import Account, AccountState, Credentials
from services.authentication.domain.accounts.claims import Profile
from services.authentication.domain.accounts.user_filter import UserFilter, UserOrder
from services.authentication.domain.sessions.session import Session


class AccountFinder(Protocol):
    async def matching(
        self, *, user_id: str | None, username_key: str | None, address_key: str | None
    ) -> Sequence[Account]:
        """Accounts that are not deleted and have this id, this name or this verified address."""


class AccountReader(AccountFinder, Protocol):
    async def with_credentials(self, user_id: str) -> tuple[Account, Credentials] | None: ...

    async def credentials(self, username_key: str) -> Credentials | None:
        """Return the credentials that a sign-in with this username is checked against."""

    async def by_name(self, username_key: str) -> Account | None: ...

    async def page(self, users: UserFilter, *, order: UserOrder, after: str, size: int) -> Sequence[Account]:
        """At most `size` accounts that are not deleted. `after`: the sort key of the last one of the page before."""

    async def with_session(self, user_id: str, session_id: str) -> tuple[Account, Session | None] | None:
        """Return an account and, if the session belongs to it, the session, in one read."""


class AccountWriter(AccountFinder, Protocol):
    async def lock_account(self, user_id: str) -> Account | None:
        """The current account, locked until the end of the transaction."""

    async def named(self, *, username_key: str | None, address_key: str | None, limit: int) -> Sequence[str]:
        """Ids of active accounts with this name or with this address."""

    async def with_credentials(self, user_id: str) -> tuple[Account, Credentials] | None: ...

    async def lock(self, user_id: str) -> Credentials | None:
        """The current credentials, locked until the end of the transaction."""

    async def add(self, account: Account, *, username_key: str, password_hash: str) -> bool:
        """False if the name or the id is taken; the caller must then roll back.

        Raises:
            InvalidRequest: ADDRESS_TAKEN.
        """

    async def upgrade_hash(self, user_id: str, password_hash: str) -> None:
        """Store another hash of the same password."""

    async def change_password(self, user_id: str, password_hash: str) -> None: ...

    async def set_profile(self, user_id: str, profile: Profile, *, now: datetime) -> None:
        """Store the standard claims. Raises InvalidRequest: ADDRESS_TAKEN."""

    async def set_claims(self, account: Account) -> None:
        """Store the profile and the attributes of the account. Raises InvalidRequest: ADDRESS_TAKEN."""

    async def is_address_free(self, address_key: str, *, user_id: str) -> bool:
        """Whether no other account has this verified address."""

    async def refuse_earlier_grants(self, user_id: str, *, now: datetime) -> None:
        """Have the token service refuse all grants of the user that were made before now, whatever events it gets."""

    async def erase(self, user_id: str) -> bool:
        """Delete the data of an account from every table, except its id. False if it is unknown or deleted."""

    async def change_state(self, user_id: str, *, before: AccountState, after: AccountState) -> Account | None:
        """The changed account; None if it was not in the state `before`."""


class ExportReader(Protocol):
    async def of_user(self, user_id: str) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """The data of a user in the other tables, without secrets; timestamps as RFC 3339."""

"""User accounts in SQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from libs.servicekit.sql.session import SqlSession
from services.authentication.domain.accounts.account import Account, AccountState, Credentials
from services.authentication.domain.accounts.claims import Profile
from services.authentication.domain.accounts.email_addresses import address_taken
from services.authentication.domain.accounts.search import search_key
from services.authentication.domain.accounts.user_filter import UserFilter, UserOrder
from services.authentication.domain.sessions.session import Session
from services.authentication.store.rows import (
    ACCOUNT_COLUMNS,
    CREDENTIALS_COLUMNS,
    SESSION_COLUMNS,
    profile_values,
    to_account,
    to_credentials,
    to_session,
    verified_key,
)
from services.authentication.store.tables import METADATA, SESSIONS, USERS

# Asked at every refresh, so it is built once: building a statement takes longer than PostgreSQL needs to answer it.
_WITH_SESSION = (
    select(*ACCOUNT_COLUMNS, *SESSION_COLUMNS)
    .select_from(
        USERS.outerjoin(SESSIONS, (SESSIONS.c.id == bindparam("of_session")) & (SESSIONS.c.user_id == USERS.c.id))
    )
    .where(USERS.c.id == bindparam("of_user"))
)

_VERIFIED_KEY = "verified_email_key"
"""In the name of the constraint (PostgreSQL) and of the column (SQLite)."""
_PRESENT = USERS.c.state != AccountState.DELETED.value


class Accounts:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def credentials(self, username_key: str) -> Credentials | None:
        query = select(*CREDENTIALS_COLUMNS).where(USERS.c.username_key == username_key)
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else to_credentials(row)

    async def lock(self, user_id: str) -> Credentials | None:
        # NO KEY UPDATE: waits for a change of the password or of the state, and not for what only refers to the user.
        query = select(*CREDENTIALS_COLUMNS).where(USERS.c.id == user_id).with_for_update(key_share=True)
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else to_credentials(row)

    async def named(self, *, username_key: str | None, address_key: str | None, limit: int) -> Sequence[str]:
        query = (
            select(USERS.c.id)
            .where((USERS.c.username_key == (username_key or "")) | (USERS.c.email_key == (address_key or "")))
            .where(USERS.c.state == AccountState.ACTIVE.value)
            .order_by(USERS.c.id)
            .limit(limit)
        )
        return (await self._session.execute(query)).scalars().all()

    async def with_credentials(self, user_id: str) -> tuple[Account, Credentials] | None:
        query = select(*ACCOUNT_COLUMNS, *CREDENTIALS_COLUMNS).where(USERS.c.id == user_id)
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else (to_account(row), to_credentials(row))

    async def matching(
        self, *, user_id: str | None, username_key: str | None, address_key: str | None
    ) -> Sequence[Account]:
        wanted = (
            (USERS.c.id == (user_id or ""))
            | (USERS.c.username_key == (username_key or ""))
            | (USERS.c.email_key == (address_key or ""))
        )
        query = select(*ACCOUNT_COLUMNS, USERS.c.username_key).where(wanted, _PRESENT).order_by(USERS.c.id)
        rows = (await self._session.execute(query)).all()
        found = [(row.username_key, to_account(row)) for row in rows]
        return [
            account
            for name, account in found
            if account.id == user_id or name == username_key or account.profile.email_verified
        ]

    async def by_name(self, username_key: str) -> Account | None:
        row = (
            await self._session.execute(select(*ACCOUNT_COLUMNS).where(USERS.c.username_key == username_key))
        ).one_or_none()
        return None if row is None else to_account(row)

    async def page(self, users: UserFilter, *, order: UserOrder, after: str, size: int) -> Sequence[Account]:
        key = USERS.c.id if order is UserOrder.CREATED else USERS.c.username_key
        query = select(*ACCOUNT_COLUMNS).where(*_conditions(users), key > after).order_by(key).limit(size)
        return [to_account(row) for row in await self._session.execute(query)]

    async def with_session(self, user_id: str, session_id: str) -> tuple[Account, Session | None] | None:
        values = {"of_user": user_id, "of_session": session_id}
        row = (await self._session.execute(_WITH_SESSION, values)).one_or_none()
        if row is None:
            return None
        return to_account(row), None if row.session_id is None else to_session(row)

    async def add(self, account: Account, *, username_key: str, password_hash: str) -> bool:
        statement = insert(USERS).values(
            id=account.id,
            username=account.username,
            username_key=username_key,
            password_hash=password_hash,
            password_version=1,
            state=account.state.value,
            **profile_values(account.profile),
            verified_email_key=verified_key(account.profile),
            attributes=dict(account.attributes),
            search_key=search_key(account.username, account.profile),
            created_at=account.created_at,
            profile_updated_at=account.profile_updated_at,
        )
        if verified_key(account.profile) is not None and await self._has_username(username_key):
            return False  # a database that finds both taken may name either
        try:
            await self._session.execute(statement)
        except IntegrityError as error:
            if _VERIFIED_KEY in str(error.orig):
                raise address_taken() from None
            return False
        return True

    async def _has_username(self, username_key: str) -> bool:
        query = select(USERS.c.id).where(USERS.c.username_key == username_key)
        return (await self._session.execute(query)).first() is not None

    async def lock_account(self, user_id: str) -> Account | None:
        query = select(*ACCOUNT_COLUMNS).where(USERS.c.id == user_id).with_for_update(key_share=True)
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else to_account(row)

    async def upgrade_hash(self, user_id: str, password_hash: str) -> None:
        await self._session.execute(update(USERS).where(USERS.c.id == user_id).values(password_hash=password_hash))

    async def change_password(self, user_id: str, password_hash: str) -> None:
        values = {"password_hash": password_hash, "password_version": USERS.c.password_version + 1}
        await self._session.execute(update(USERS).where(USERS.c.id == user_id).values(values))

    async def set_profile(self, user_id: str, profile: Profile, *, now: datetime) -> None:
        await self._write_profile(user_id, profile, {"profile_updated_at": now})

    async def set_claims(self, account: Account) -> None:
        more = {"attributes": dict(account.attributes), "profile_updated_at": account.profile_updated_at}
        await self._write_profile(account.id, account.profile, more)

    async def _write_profile(self, user_id: str, profile: Profile, more: Mapping[str, Any]) -> None:
        query = select(USERS.c.username, USERS.c.claims).where(USERS.c.id == user_id)
        before = (await self._session.execute(query)).one()
        values = {**profile_values(profile), "search_key": search_key(before.username, profile), **more}
        verified = verified_key(profile)
        if verified is None or verified != verified_key(Profile.of(before.claims)):
            values["verified_email_key"] = verified
        try:
            await self._session.execute(update(USERS).where(USERS.c.id == user_id).values(values))
        except IntegrityError as error:
            if _VERIFIED_KEY in str(error.orig):
                raise address_taken() from None
            raise

    async def refuse_earlier_grants(self, user_id: str, *, now: datetime) -> None:
        await self._session.execute(update(USERS).where(USERS.c.id == user_id).values(grants_not_before=now))

    async def is_address_free(self, address_key: str, *, user_id: str) -> bool:
        query = select(USERS.c.id).where(USERS.c.verified_email_key == address_key, USERS.c.id != user_id)
        return (await self._session.execute(query)).first() is None

    async def erase(self, user_id: str) -> bool:
        # No typed name maps to this key, so the row is not found by name, and the name can be used again.
        values = {
            "username": "",
            "username_key": f"deleted {user_id}",
            "password_hash": "",
            "password_version": USERS.c.password_version + 1,
            "state": AccountState.DELETED.value,
            "has_second_factor": False,
            "attributes": {},
            "search_key": None,
            "verified_email_key": None,
            **profile_values(Profile()),
        }
        statement = update(USERS).where(USERS.c.id == user_id, _PRESENT).values(values).returning(USERS.c.id)
        if (await self._session.execute(statement)).first() is None:
            return False
        for table in reversed(METADATA.sorted_tables):
            if "user_id" in table.c:
                await self._session.execute(delete(table).where(table.c.user_id == user_id))
        return True

    async def change_state(self, user_id: str, *, before: AccountState, after: AccountState) -> Account | None:
        statement = (
            update(USERS)
            .where(USERS.c.id == user_id, USERS.c.state == before.value)
            .values(state=after.value)
            .returning(*ACCOUNT_COLUMNS)
        )
        row = (await self._session.execute(statement)).one_or_none()
        return None if row is None else to_account(row)


def _conditions(users: UserFilter) -> Sequence[ColumnElement[bool]]:
    conditions = [_PRESENT if users.state is None else USERS.c.state == users.state.value]
    if users.address_key is not None:
        conditions.append(USERS.c.email_key == users.address_key)
    # The previous version writes no search key: during an upgrade its users are found by the beginning of their keys.
    conditions += [
        USERS.c.search_key.contains(f" {word}", autoescape=True)
        | USERS.c.username_key.startswith(word, autoescape=True)
        | USERS.c.email_key.startswith(word, autoescape=True)
        for word in users.words
    ]
    return conditions

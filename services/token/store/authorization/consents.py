"""Remembered consent in SQL: the union of what a user has granted a client, for each resource apart."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from libs.oauth.scopes import format_scope
from libs.servicekit.sql.database import table_of
from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.upsert import upsert
from services.token.domain.authorization.connections import ConsentRecord
from services.token.store.tables import ConsentRow, ResourceConsentRow

_general = table_of(ConsentRow)
_of_resource = table_of(ResourceConsentRow)
# Asked at every authorization request, so they are built once.
_FIND_GENERAL = select(_general.c.scope).where(
    _general.c.user_id == bindparam("of_user"), _general.c.client_id == bindparam("of_client")
)
_FIND_OF_RESOURCES = select(_of_resource.c.scope).where(
    _of_resource.c.user_id == bindparam("of_user"),
    _of_resource.c.client_id == bindparam("of_client"),
    _of_resource.c.resource.in_(bindparam("resources", expanding=True)),
)


class Consents:
    """One table where no resource was named, another for those that were: a yes to one says nothing of the others."""

    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def find(self, *, user_id: str, client_id: str, resources: tuple[str, ...]) -> frozenset[str]:
        """Scope values granted before, for each one of these resources; none when the user was never asked."""
        values = {"of_user": user_id, "of_client": client_id}
        if resources:
            result = await self._session.execute(_FIND_OF_RESOURCES, {**values, "resources": resources})
        else:
            result = await self._session.execute(_FIND_GENERAL, values)
        granted = [frozenset(scope.split()) for scope in result.scalars()]
        if len(granted) < max(len(resources), 1):
            return frozenset()
        return granted[0].intersection(*granted)

    async def remember(
        self, *, user_id: str, client_id: str, scopes: tuple[str, ...], resources: tuple[str, ...], now: datetime
    ) -> None:
        """Adds to what was granted before."""
        key = {"user_id": user_id, "client_id": client_id}
        if not resources:
            await self._add(_general, key, scopes, now=now)
        for resource in sorted(resources):  # in one order, so that no two pages wait for each other
            await self._add(_of_resource, {**key, "resource": resource}, scopes, now=now)

    async def _add(self, table: Any, key: dict[str, str], scopes: tuple[str, ...], *, now: datetime) -> None:
        """The row is locked first: two pages may be answered at the same time."""
        before: Any = (
            upsert(self._session, table)
            .values(**key, scope=_sorted(scopes), granted_at=now)
            .on_conflict_do_update(index_elements=[*key], set_={"granted_at": now})
            .returning(table.c.scope)
        )
        granted = frozenset((await self._session.execute(before)).scalar_one().split())
        if not granted.issuperset(scopes):
            await self._session.execute(
                update(table)
                .where(*(table.c[name] == value for name, value in key.items()))
                .values(scope=_sorted(granted.union(scopes)))
            )

    async def of_user(self, user_id: str) -> list[ConsentRecord]:
        general = (await self._session.execute(select(_general).where(_general.c.user_id == user_id))).all()
        of_resources = (
            await self._session.execute(select(_of_resource).where(_of_resource.c.user_id == user_id))
        ).all()
        return [
            *(ConsentRecord(row.client_id, tuple(row.scope.split()), (), row.granted_at) for row in general),
            *(
                ConsentRecord(row.client_id, tuple(row.scope.split()), (row.resource,), row.granted_at)
                for row in of_resources
            ),
        ]

    async def forget(self, *, user_id: str, client_id: str) -> bool:
        """False when there was nothing to forget."""
        forgotten = False
        for table in (_general, _of_resource):
            whose = (table.c.user_id == user_id) & (table.c.client_id == client_id)
            gone = await self._session.execute(delete(table).where(whose).returning(table.c.client_id))
            forgotten |= bool(gone.all())
        return forgotten

    async def forget_client(self, client_id: str) -> None:
        for table in (_general, _of_resource):
            await self._session.execute(delete(table).where(table.c.client_id == client_id))

    async def forget_user(self, user_id: str) -> None:
        for table in (_general, _of_resource):
            await self._session.execute(delete(table).where(table.c.user_id == user_id))


def _sorted(scopes: Iterable[str]) -> str:
    return format_scope(tuple(sorted(scopes)))

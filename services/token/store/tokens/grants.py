"""Grants, codes and refresh families in SQL. What may happen once happens by one conditional statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, insert, select, update

from libs.oauth.scopes import format_scope
from libs.servicekit.sql.database import table_of
from libs.servicekit.sql.session import SqlSession
from services.token.domain.authorization.connections import ConsentRecord
from services.token.domain.tokens.grants import AuthorizationCode, Grant
from services.token.domain.tokens.refresh_families import RefreshFamily
from services.token.store.tables import CodeRow, GrantRow, RefreshFamilyRow

_grant_columns = table_of(GrantRow).c
_code_columns = table_of(CodeRow).c
_family_columns = table_of(RefreshFamilyRow).c

# The statements of every token request are built once: building one takes longer than PostgreSQL needs to answer it.
_ADD_GRANT, _ADD_CODE, _ADD_FAMILY = insert(GrantRow), insert(CodeRow), insert(RefreshFamilyRow)
_FIND_GRANT = select(*_grant_columns).where(_grant_columns.grant_id == bindparam("of_grant"))
_PROLONG_GRANT = (
    update(GrantRow).where(_grant_columns.grant_id == bindparam("of_grant")).values(expires_at=bindparam("until"))
)
_FIND_CODE = (
    select(
        *_grant_columns.values(),
        _code_columns.code_hash,
        _code_columns.redirect_uri,
        _code_columns.redirect_uri_given,
        _code_columns.code_challenge,
        _code_columns.nonce,
        _code_columns.dpop_jkt,
        _code_columns.correlation_id,
        _code_columns.expires_at.label("code_expires_at"),
        _code_columns.consumed_at,
    )
    .join(GrantRow, _grant_columns.grant_id == _code_columns.grant_id)
    .where(_code_columns.code_hash == bindparam("of_code"))
)
_REDEEM_CODE = (
    update(CodeRow)
    .where(_code_columns.code_hash == bindparam("of_code"), _code_columns.consumed_at.is_(None))
    .values(consumed_at=bindparam("now"))
    .returning(_code_columns.code_hash)
)
_FIND_FAMILY = (
    select(
        *_grant_columns.values(),
        _family_columns.family_id,
        _family_columns.latest_hash,
        _family_columns.generation,
        _family_columns.rotated_at,
        _family_columns.idle_expires_at,
        _family_columns.expires_at.label("family_expires_at"),
        _family_columns.dpop_jkt,
    )
    .join(GrantRow, _grant_columns.grant_id == _family_columns.grant_id)
    .where(_family_columns.family_id == bindparam("of_family"))
)
_ROTATE_FAMILY = (
    update(RefreshFamilyRow)
    .where(
        _family_columns.family_id == bindparam("of_family"),
        _family_columns.generation == bindparam("before_generation"),
        _family_columns.latest_hash == bindparam("before_hash"),
        select(_grant_columns.grant_id)
        .where(_grant_columns.grant_id == bindparam("of_grant"), _grant_columns.revoked_at.is_(None))
        .exists(),
    )
    .values(
        latest_hash=bindparam("after_hash"),
        generation=bindparam("after_generation"),
        rotated_at=bindparam("after_rotated_at"),
        idle_expires_at=bindparam("after_idle_expires_at"),
    )
    .returning(_family_columns.family_id)
)


class Grants:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def add(self, grant: Grant, *, expires_at: datetime) -> None:
        values = {
            "grant_id": grant.grant_id,
            "client_id": grant.client_id,
            "user_id": grant.user_id,
            "session_id": grant.session_id,
            "scope": format_scope(grant.scopes),
            "resources": " ".join(grant.resources),
            "offline": grant.offline,
            "userinfo_claims": " ".join(grant.userinfo_claims),
            "id_token_claims": " ".join(grant.id_token_claims),
            "authenticated_at": grant.authenticated_at,
            "acr": grant.acr,
            "amr": " ".join(grant.amr),
            "created_at": grant.created_at,
            "expires_at": expires_at,
        }
        await self._session.execute(_ADD_GRANT, values)

    async def find(self, grant_id: str) -> Grant | None:
        row = (await self._session.execute(_FIND_GRANT, {"of_grant": grant_id})).first()
        return None if row is None else grant_of(row)

    async def prolong(self, grant_id: str, *, until: datetime) -> None:
        """Keeps the row while a refresh family may need it."""
        await self._session.execute(_PROLONG_GRANT, {"of_grant": grant_id, "until": until})

    async def revoke(self, grant_id: str, *, reason: str, now: datetime) -> bool:
        """Ends the grant and all that hangs on it; True for exactly one caller."""
        result = await self._session.execute(
            update(GrantRow)
            .where(_grant_columns.grant_id == grant_id, _grant_columns.revoked_at.is_(None))
            .values(revoked_at=now, revoked_reason=reason)
            .returning(_grant_columns.grant_id)
        )
        return result.first() is not None

    async def revoke_some_of_client(
        self, client_id: str, *, limit: int, reason: str, now: datetime
    ) -> Sequence[tuple[str, str, str]]:
        return await self._revoke_some(_grant_columns.client_id == client_id, limit=limit, reason=reason, now=now)

    async def revoke_some_of_session(
        self, session_id: str, *, limit: int, reason: str, now: datetime
    ) -> Sequence[tuple[str, str, str]]:
        """(grant id, user id, client id) of what was ended: grants that were good as long as the session."""
        of_session = and_(_grant_columns.session_id == session_id, _grant_columns.offline.is_(False))
        return await self._revoke_some(of_session, limit=limit, reason=reason, now=now)

    async def revoke_some_of_user(
        self, user_id: str, *, before: datetime, limit: int, reason: str, now: datetime
    ) -> Sequence[tuple[str, str, str]]:
        """(grant id, user id, client id) of what was ended, offline ones as well."""
        whose = and_(_grant_columns.user_id == user_id, _grant_columns.created_at <= before)
        return await self._revoke_some(whose, limit=limit, reason=reason, now=now)

    async def revoke_some_offline_of_user(
        self, user_id: str, *, before: datetime, limit: int, reason: str, now: datetime
    ) -> Sequence[tuple[str, str, str]]:
        """As `revoke_some_of_user`, of those alone that outlive sessions and were made before then."""
        columns = _grant_columns
        whose = and_(columns.user_id == user_id, columns.offline.is_(True), columns.created_at < before)
        return await self._revoke_some(whose, limit=limit, reason=reason, now=now)

    async def revoke_some_of_connection(
        self, user_id: str, client_id: str, *, limit: int, reason: str, now: datetime
    ) -> Sequence[tuple[str, str, str]]:
        """As `revoke_some_of_user`, of one client."""
        whose = and_(_grant_columns.user_id == user_id, _grant_columns.client_id == client_id)
        return await self._revoke_some(whose, limit=limit, reason=reason, now=now)

    async def live_of_user(self, user_id: str, *, now: datetime) -> list[ConsentRecord]:
        """What the latest thousand of them allow."""
        query = (
            select(_grant_columns.client_id, _grant_columns.scope, _grant_columns.resources, _grant_columns.created_at)
            .where(
                _grant_columns.user_id == user_id, _grant_columns.revoked_at.is_(None), _grant_columns.expires_at > now
            )
            .order_by(_grant_columns.created_at.desc())
            .limit(1_000)
        )
        rows = await self._session.execute(query)
        return [
            ConsentRecord(row.client_id, tuple(row.scope.split()), tuple(row.resources.split()), row.created_at)
            for row in rows
        ]

    async def list_of_user(self, user_id: str, *, limit: int, now: datetime) -> Sequence[tuple[Grant, datetime]]:
        query = (
            select(*_grant_columns)
            .where(
                _grant_columns.user_id == user_id, _grant_columns.revoked_at.is_(None), _grant_columns.expires_at > now
            )
            .order_by(_grant_columns.created_at.desc(), _grant_columns.grant_id)
            .limit(limit)
        )
        return [(grant_of(row), row.expires_at) for row in await self._session.execute(query)]

    async def _revoke_some(
        self, whose: ColumnElement[bool], *, limit: int, reason: str, now: datetime
    ) -> Sequence[tuple[str, str, str]]:
        live = select(_grant_columns.grant_id).where(whose, _grant_columns.revoked_at.is_(None))
        result = await self._session.execute(
            update(GrantRow)
            .where(_grant_columns.grant_id.in_(live.limit(limit)), _grant_columns.revoked_at.is_(None))
            .values(revoked_at=now, revoked_reason=reason)
            .returning(_grant_columns.grant_id, _grant_columns.user_id, _grant_columns.client_id)
        )
        return [(row.grant_id, row.user_id, row.client_id) for row in result]


class Codes:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def add(self, code: AuthorizationCode) -> None:
        values = {
            "code_hash": code.code_hash,
            "grant_id": code.grant.grant_id,
            "redirect_uri": code.redirect_uri,
            "redirect_uri_given": code.redirect_uri_given,
            "code_challenge": code.code_challenge,
            "nonce": code.nonce,
            "dpop_jkt": code.dpop_jkt,
            "correlation_id": code.correlation_id,
            "expires_at": code.expires_at,
        }
        await self._session.execute(_ADD_CODE, values)

    async def find(self, code_hash: bytes) -> AuthorizationCode | None:
        row = (await self._session.execute(_FIND_CODE, {"of_code": code_hash})).first()
        if row is None:
            return None
        return AuthorizationCode(
            code_hash=row.code_hash,
            client_id=row.client_id,
            redirect_uri=row.redirect_uri,
            redirect_uri_given=row.redirect_uri_given,
            code_challenge=row.code_challenge,
            nonce=row.nonce,
            dpop_jkt=row.dpop_jkt,
            correlation_id=row.correlation_id,
            expires_at=row.code_expires_at,
            consumed_at=row.consumed_at,
            grant=grant_of(row),
        )

    async def redeem(self, code_hash: bytes, *, now: datetime) -> bool:
        """True for exactly one caller, ever."""
        result = await self._session.execute(_REDEEM_CODE, {"of_code": code_hash, "now": now})
        return result.first() is not None


class RefreshFamilies:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    async def add(self, family: RefreshFamily) -> None:
        values = {
            "family_id": family.family_id,
            "grant_id": family.grant.grant_id,
            "latest_hash": family.latest_hash,
            "generation": family.generation,
            "rotated_at": family.rotated_at,
            "idle_expires_at": family.idle_expires_at,
            "expires_at": family.expires_at,
            "dpop_jkt": family.dpop_jkt,
        }
        await self._session.execute(_ADD_FAMILY, values)

    async def find(self, family_id: str) -> RefreshFamily | None:
        row = (await self._session.execute(_FIND_FAMILY, {"of_family": family_id})).first()
        if row is None:
            return None
        return RefreshFamily(
            family_id=row.family_id,
            client_id=row.client_id,
            latest_hash=row.latest_hash,
            generation=row.generation,
            rotated_at=row.rotated_at,
            idle_expires_at=row.idle_expires_at,
            expires_at=row.family_expires_at,
            dpop_jkt=row.dpop_jkt,
            grant=grant_of(row),
        )

    async def rotate(self, before: RefreshFamily, after: RefreshFamily) -> bool:
        """Moves the family from one generation to the next; True for exactly one caller."""
        values = {
            "of_family": before.family_id,
            "of_grant": before.grant.grant_id,
            "before_generation": before.generation,
            "before_hash": before.latest_hash,
            "after_hash": after.latest_hash,
            "after_generation": after.generation,
            "after_rotated_at": after.rotated_at,
            "after_idle_expires_at": after.idle_expires_at,
        }
        return (await self._session.execute(_ROTATE_FAMILY, values)).first() is not None


def grant_of(row: Any) -> Grant:
    """A row that has all columns of a grant."""
    return Grant(
        grant_id=row.grant_id,
        client_id=row.client_id,
        user_id=row.user_id,
        session_id=row.session_id,
        scopes=tuple(row.scope.split()),
        resources=tuple(row.resources.split()),
        offline=row.offline,
        userinfo_claims=tuple(row.userinfo_claims.split()),
        id_token_claims=tuple(row.id_token_claims.split()),
        authenticated_at=row.authenticated_at,
        acr=row.acr,
        amr=tuple(row.amr.split()),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )

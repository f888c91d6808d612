"""Signing keys in SQL."""

from collections.abc import Sequence
from datetime import timedelta
from math import ceil
from typing import Any

from sqlalchemy import ColumnElement, select, update

from libs.crypto.sealing import Envelope
from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.upsert import upsert
from services.key_rotation.domain.keys import PUBLISHED, SIGNING, Key, KeyState, RevocationReason
from services.key_rotation.domain.rotation import Change
from services.key_rotation.domain.seals import SEAL_VERSION, SealedPrivateKey
from services.key_rotation.store.tables import SIGNING_KEYS

_COLUMNS = SIGNING_KEYS.c
_NO_KEK = 0
_CHANGING = (
    *("state", "version", "sealed_private", "wrapped_data_key", "kek", "kek_version"),
    *("published_at", "activates_at", "retires_at", "revoked_at", "revocation_reason"),
)
"""Columns that a change may write. `signs_for_seconds` is written by `prolong`."""


class Keys:
    """The keys of one issuer. Keys of other issuers in the same table are ignored."""

    def __init__(self, session: SqlSession, *, issuer: str) -> None:
        self._session = session
        self._issuer = issuer

    async def history(self, alg: str) -> Sequence[Key]:
        return await self._find(_COLUMNS.alg == alg)

    async def published(self) -> Sequence[Key]:
        return await self._find(_COLUMNS.state.in_(sorted(PUBLISHED)))

    async def add(self, key: Key) -> bool:
        statement: Any = upsert(self._session, SIGNING_KEYS).values(issuer=self._issuer, **_values(key))
        added = await self._session.execute(statement.on_conflict_do_nothing().returning(_COLUMNS.kid))
        return added.scalar_one_or_none() is not None

    async def save(self, change: Change) -> bool:
        before, values = change.before, _values(change.after)
        changed = {name: values[name] for name in _CHANGING}
        statement = update(SIGNING_KEYS).where(
            _COLUMNS.issuer == self._issuer,
            _COLUMNS.kid == before.kid,
            _COLUMNS.version == before.version,
            _COLUMNS.state == before.state.value,
        )
        saved = await self._session.execute(statement.values(changed).returning(_COLUMNS.kid))
        return saved.scalar_one_or_none() is not None

    async def prolong(self, signs_for: timedelta) -> None:
        seconds = ceil(signs_for.total_seconds())
        await self._session.execute(
            update(SIGNING_KEYS)
            .where(
                _COLUMNS.issuer == self._issuer,
                _COLUMNS.state.in_(sorted(SIGNING)),
                _COLUMNS.signs_for_seconds < seconds,
            )
            .values(signs_for_seconds=seconds)
        )

    async def _find(self, condition: ColumnElement[bool]) -> Sequence[Key]:
        query = select(SIGNING_KEYS).where(_COLUMNS.issuer == self._issuer, condition)
        rows = await self._session.execute(query.order_by(_COLUMNS.alg, _COLUMNS.published_at, _COLUMNS.kid))
        return [_key(row) for row in rows]


def _values(key: Key) -> dict[str, Any]:
    sealed = key.private
    return {
        "kid": key.kid,
        "alg": key.alg,
        "state": key.state.value,
        "version": key.version,
        "public_jwk": key.public_jwk,
        "sealed_private": sealed.envelope.ciphertext if sealed else None,
        "wrapped_data_key": sealed.envelope.wrapped_key if sealed else None,
        "kek": sealed.kek if sealed else "",
        "kek_version": sealed.kek_version if sealed else _NO_KEK,
        "seal_version": sealed.seal_version if sealed else SEAL_VERSION,
        "published_at": key.published_at,
        "activates_at": key.activates_at,
        "retires_at": key.retires_at,
        "signs_for_seconds": ceil(key.signs_for.total_seconds()),
        "revoked_at": key.revoked_at,
        "revocation_reason": key.revocation_reason.value if key.revocation_reason else None,
    }


def _key(row: Any) -> Key:
    private = None
    if row.sealed_private is not None:
        envelope = Envelope(wrapped_key=row.wrapped_data_key, ciphertext=row.sealed_private)
        private = SealedPrivateKey(envelope, kek=row.kek, kek_version=row.kek_version, seal_version=row.seal_version)
    return Key(
        kid=row.kid,
        alg=row.alg,
        state=KeyState(row.state),
        public_jwk=row.public_jwk,
        private=private,
        published_at=row.published_at,
        activates_at=row.activates_at,
        retires_at=row.retires_at,
        signs_for=timedelta(seconds=row.signs_for_seconds),
        revoked_at=row.revoked_at,
        revocation_reason=RevocationReason(row.revocation_reason) if row.revocation_reason else None,
        version=row.version,
    )

"""Constraints of the table device_codes, on SQLite and on PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from libs.crypto.hashing import secret_hash
from libs.crypto.random import uuid7
from libs.servicekit.sql.database import Database
from services.device.store.tables import METADATA, STATES

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
CODES = METADATA.tables["device_codes"]
DECIDED: dict[str, Any] = {"decided_at": NOON}
APPROVED = DECIDED | {"user_id": uuid7(NOON), "session_id": uuid7(NOON), "attested_session": b"attested"}
REDEEMED = APPROVED | {"redeemed_at": NOON}
COLUMNS: dict[str, dict[str, Any]] = {
    "pending": {},
    "approved": APPROVED,
    "denied": DECIDED,
    "redeemed": REDEEMED,
    "expired": {},
}


def a_code(state: str = "pending", *, number: int = 1, user_code: str = "WDJB-MJHT", **columns: Any) -> dict[str, Any]:
    return {
        "id": uuid7(NOON),
        "device_code_hash": secret_hash(f"device code {number}"),
        "user_code_hash": secret_hash(user_code),
        "client_id": "c_tv",
        "client_name": "Television",
        "scopes": ["openid", "profile"],
        "state": state,
        "interval_seconds": 5,
        "requested_from": "192.0.2.0/24",
        "created_at": NOON,
        "expires_at": NOON + timedelta(minutes=10),
        **columns,
    }


async def add(database: Database, code: dict[str, Any]) -> None:
    async with database.transaction() as session:
        await session.execute(insert(CODES).values(code))


@pytest.mark.parametrize("state", STATES)
async def test_code_can_be_stored_in_each_state(database: Database, state: str) -> None:
    code = a_code(state, **COLUMNS[state])
    await add(database, code)
    async with database.snapshot() as session:
        row = (await session.execute(select(CODES))).one()
    assert (row.state, row.scopes, row.expires_at) == (state, ["openid", "profile"], NOON + timedelta(minutes=10))


@pytest.mark.s(34)
@pytest.mark.parametrize(
    ("state", "columns"),
    [
        ("unknown", {}),
        ("pending", DECIDED),
        ("denied", {}),
        ("approved", DECIDED),
        ("approved", APPROVED | {"attested_session": None}),
        ("approved", REDEEMED),
        ("redeemed", APPROVED),
        ("redeemed", DECIDED | {"redeemed_at": NOON}),
    ],
)
async def test_code_in_an_inconsistent_state_is_refused(
    database: Database, state: str, columns: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError):
        await add(database, a_code(state, **columns))


@pytest.mark.s(34)
async def test_user_code_is_unique_among_pending_codes(database: Database) -> None:
    await add(database, a_code("denied", number=1, **DECIDED))
    await add(database, a_code("pending", number=2))
    with pytest.raises(IntegrityError):
        await add(database, a_code("pending", number=3))
    with pytest.raises(IntegrityError):
        await add(database, a_code("pending", number=2, user_code="BBBB-BBBB"))

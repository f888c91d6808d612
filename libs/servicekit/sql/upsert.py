"""INSERT … ON CONFLICT for SQLite and PostgreSQL."""

from typing import cast

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

from libs.servicekit.sql.session import SqlSession


def upsert(session: SqlSession, table: Table | type[SQLModel]) -> postgresql.Insert:
    """Return an INSERT with `on_conflict_do_nothing` and `on_conflict_do_update` for the session's database."""
    if session.is_postgresql:
        return postgresql.insert(table)
    return cast("postgresql.Insert", sqlite.insert(table))  # the same methods, in another class

"""What goes wrong with a database: which errors pass by themselves, and what their text may say."""

import sqlite3

import asyncpg
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs

_PASSING_STATES = (
    "08",  # connection exceptions
    "40",  # deadlocks and failed serializations: this transaction was the one that had to give way
    "53",  # insufficient resources, for example too many connections
    "55P03",  # a lock was not to be had in time
    "57",  # operator intervention: shutting down, starting up, a statement that took too long
)
_log = logs.get(__name__)


def passes(error: DBAPIError) -> bool:
    """May the same work succeed a little later? True for a database that is away or too busy."""
    if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return False  # a mistake in the statement: SQLite calls it an operational error
    if error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError)):
        return True
    return str(getattr(error.orig, "sqlstate", "")).startswith(_PASSING_STATES)


def unavailable(cause: Exception) -> TemporarilyUnavailable:
    """What to raise from `cause`, which is logged here: who is refused learns nothing of it."""
    told = str(getattr(cause, "orig", None) or cause) or type(cause).__name__
    _log.warning("The database is not available", cause=told)
    return TemporarilyUnavailable(reason=Reason.DATABASE_UNAVAILABLE, retry_after=2)


def hide_values(engine: Engine) -> None:
    """Takes values out of the text of errors: PostgreSQL quotes the rows concerned, its driver the arguments."""

    @event.listens_for(engine, "handle_error")
    def on_error(context: ExceptionContext) -> None:
        told_by_driver = context.original_exception.__cause__
        if not isinstance(told_by_driver, asyncpg.PostgresError):
            return
        told_by_driver.detail = None
        if isinstance(told_by_driver, asyncpg.DataError):
            text = f"a value does not fit: {type(told_by_driver).__name__}"
            told_by_driver.__cause__ = None
            for error in (told_by_driver, context.original_exception, context.sqlalchemy_exception):
                if error is not None:
                    error.args = (text,)

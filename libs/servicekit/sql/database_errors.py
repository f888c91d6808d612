"""Database errors: which are transient, and removal of values from their text."""

import sqlite3

import asyncpg
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs

_TRANSIENT_STATES = (
    "08",  # connection exceptions
    "40",  # deadlocks and serialization failures in which this transaction was rolled back
    "53",  # insufficient resources, for example too many connections
    "55P03",  # lock timeout
    "57",  # operator intervention: shutdown, startup, statement timeout
)
_log = logs.get(__name__)


def is_transient(error: DBAPIError) -> bool:
    """Return whether a retry may succeed: the database is unavailable or overloaded."""
    if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return False  # an invalid statement, which SQLite reports as an operational error
    if error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError)):
        return True
    return str(getattr(error.orig, "sqlstate", "")).startswith(_TRANSIENT_STATES)


def unavailable(cause: Exception) -> TemporarilyUnavailable:
    """Log the cause and return the error to raise. The error for the caller does not contain the cause."""
    text = str(getattr(cause, "orig", None) or cause) or type(cause).__name__
    _log.warning("database.unavailable", message="Database is unavailable", cause=text)
    return TemporarilyUnavailable(reason=Reason.DATABASE_UNAVAILABLE, retry_after=2)


def hide_values(engine: Engine) -> None:
    """Remove values from the text of errors: PostgreSQL quotes rows, and its driver quotes arguments."""

    @event.listens_for(engine, "handle_error")
    def on_error(context: ExceptionContext) -> None:
        driver_error = context.original_exception.__cause__
        if not isinstance(driver_error, asyncpg.PostgresError):
            return
        driver_error.detail = None
        if isinstance(driver_error, asyncpg.DataError):
            text = f"invalid value for a column: {type(driver_error).__name__}"
            driver_error.__cause__ = None
            for error in (driver_error, context.original_exception, context.sqlalchemy_exception):
                if error is not None:
                    error.args = (text,)


def timeouts_are_disconnects(engine: Engine) -> None:
    """Give up all connections of the pool when the driver's `command_timeout` ends a statement.

    The database did not answer at all, as after a silent failover: every other connection would wait as long.
    """

    @event.listens_for(engine, "handle_error")
    def on_error(context: ExceptionContext) -> OperationalError | None:
        if not isinstance(context.original_exception, TimeoutError):
            return None
        context.is_disconnect = True
        return OperationalError("the database did not answer in time", None, context.original_exception)

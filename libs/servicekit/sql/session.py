"""What repositories execute their statements with."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CursorResult, Executable
from sqlalchemy.ext.asyncio import AsyncConnection


class SqlSession:
    """Executes statements on one connection: in a transaction, or as reads of a snapshot (`Database`).

    It is a connection, not an ORM session, which takes a third longer for each statement. A SELECT names columns or
    tables: rows are read by name, never as instances of a row class.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @property
    def is_postgresql(self) -> bool:
        return self._connection.dialect.name == "postgresql"

    async def execute(
        self, statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Execute a statement, for a sequence of `values` once for each. The rows of the result are in memory.

        Raises:
            RuntimeError: the statement writes and the session belongs to a snapshot.
        """
        return await self._connection.execute(statement, values)

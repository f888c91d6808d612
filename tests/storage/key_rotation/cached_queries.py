"""Caches queries until the next commit."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, event

from libs.servicekit.sql.database import Database

_T = TypeVar("_T")
_WROTE = "rows were changed"


class CommitCounter:
    """Counts committed transactions that changed rows, of all users of the engine."""

    def __init__(self, database: Database) -> None:
        self.count = 0
        engine = database.engine.sync_engine
        event.listen(engine, "after_cursor_execute", self._on_statement)
        event.listen(engine, "commit", self._on_commit)

    def _on_statement(self, connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "PRAGMA", "BEGIN")):
            connection.info[_WROTE] = True

    def _on_commit(self, connection: Connection) -> None:
        if connection.info.pop(_WROTE, False):
            self.count += 1


class CachedQuery(Generic[_T]):
    """Caches the result of a query on committed state until the next commit."""

    def __init__(self, ask: Callable[[], Awaitable[_T]], commits: CommitCounter) -> None:
        self._ask = ask
        self._commits = commits
        self._answers: dict[int, _T] = {}

    async def __call__(self) -> _T:
        count = self._commits.count
        if count not in self._answers:
            answer = await self._ask()
            if count != self._commits.count:
                return answer
            self._answers = {count: answer}
        return self._answers[count]

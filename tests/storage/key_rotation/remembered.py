"""Questions whose answer is the same until something is committed are asked once until then."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, event

from libs.servicekit.sql.database import Database

_T = TypeVar("_T")
_WROTE = "rows were changed"


class Commits:
    """How many transactions have changed something, whoever began them."""

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


class Remembered(Generic[_T]):
    """Looks at committed state alone: what a question answers between two commits is what it answered first."""

    def __init__(self, ask: Callable[[], Awaitable[_T]], commits: Commits) -> None:
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

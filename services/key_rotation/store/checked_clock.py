"""A clock that nobody believes any more once the database's says something else."""

from datetime import datetime, timedelta

from sqlalchemy import text

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock
from libs.servicekit.base.service import CheckResult
from libs.servicekit.sql.database import Database
from services.key_rotation.domain.waits import CLOCK_ERROR

_log = logs.get(__name__)


class CheckedClock:
    """A Clock for those who move keys: all waits stand on clocks that are wrong by CLOCK_ERROR at most.

    It is held against PostgreSQL's. Who has SQLite has one machine, and one clock.
    """

    def __init__(self, clock: Clock, database: Database) -> None:
        self._clock = clock
        self._database = database
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """Raises TemporarilyUnavailable (CLOCK_WRONG) after a comparison that went badly."""
        if abs(self._ahead) > CLOCK_ERROR:
            raise TemporarilyUnavailable(reason=Reason.CLOCK_WRONG, retry_after=60)
        return self._clock.now()

    async def compare(self) -> None:
        """Raises TemporarilyUnavailable when the database is away."""
        if self._database.is_sqlite:
            return
        async with self._database.snapshot() as session:
            theirs: datetime = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
        # Read after theirs: an answer that took long makes us look ahead, which is the safe mistake.
        self._ahead = self._clock.now() - theirs
        if abs(self._ahead) > CLOCK_ERROR:
            _log.error(
                "The clock is not the database's: no key is moved", seconds_ahead=int(self._ahead.total_seconds())
            )

    async def check(self) -> CheckResult:
        """A replica whose clock is wrong should not be the one that an operator asks."""
        seconds = int(self._ahead.total_seconds())
        return CheckResult(ok=abs(self._ahead) <= CLOCK_ERROR, detail=f"{seconds} s ahead of the database's")

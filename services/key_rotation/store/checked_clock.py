"""A clock that refuses to work if it differs too much from the clock of the database."""

from datetime import datetime, timedelta

from sqlalchemy import text

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock
from libs.servicekit.base.service import CheckResult
from libs.servicekit.sql.database import Database
from services.key_rotation.domain.rotation_policy import CLOCK_ERROR

_log = logs.get(__name__)


class CheckedClock:
    """The Clock for key rotation, whose waiting times assume clocks that are wrong by CLOCK_ERROR at most.

    It is compared with the clock of PostgreSQL. With SQLite there is only one machine and one clock.
    """

    def __init__(self, clock: Clock, database: Database) -> None:
        self._clock = clock
        self._database = database
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """Raises TemporarilyUnavailable (CLOCK_WRONG) if the last comparison failed."""
        if abs(self._ahead) > CLOCK_ERROR:
            raise TemporarilyUnavailable(reason=Reason.CLOCK_WRONG, retry_after=60)
        return self._clock.now()

    async def compare(self) -> None:
        """Raises TemporarilyUnavailable if the database is unavailable."""
        if self._database.is_sqlite:
            return
        async with self._database.snapshot() as session:
            theirs: datetime = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
        # Read after the query: a slow response makes this clock appear ahead, which is the safe error.
        self._ahead = self._clock.now() - theirs
        if abs(self._ahead) > CLOCK_ERROR:
            _log.error(
                "clock.wrong",
                message="Clock differs from the database clock: key rotation stopped",
                seconds_ahead=int(self._ahead.total_seconds()),
            )

    async def check(self) -> CheckResult:
        """Make a replica with a wrong clock unready, so that operators' requests go to another one."""
        seconds = int(self._ahead.total_seconds())
        return CheckResult(ok=abs(self._ahead) <= CLOCK_ERROR, detail=f"{seconds} s ahead of the database clock")

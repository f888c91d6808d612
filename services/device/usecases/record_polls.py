"""Writes the times of polls to SQL in the background, so that a poll itself writes nothing."""

from dataclasses import dataclass

from services.device.adapters.poll_times import PollTimes
from services.device.ports import Begin

BATCH = 1_000


@dataclass(frozen=True, kw_only=True)
class RecordPolls:
    """One transaction for all polls since the previous run. A crash loses about one second of poll times."""

    begin: Begin
    poll_times: PollTimes

    async def __call__(self) -> bool:
        """Write one batch. Returns True if there is more to write.

        Raises:
            TemporarilyUnavailable: nothing was written; the polls stay unsaved.
        """
        polls = self.poll_times.unsaved(BATCH)
        if not polls:
            return False
        async with self.begin() as work:
            await work.device_codes.record_polls(polls)
        return self.poll_times.mark_saved(polls)

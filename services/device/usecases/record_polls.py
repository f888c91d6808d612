"""When codes were last polled, written in the background: so a poll writes nothing, and all replicas know of it."""

from services.device.adapters.poll_times import PollTimes
from services.device.ports import Begin

BATCH = 1_000


class RecordPolls:
    """One transaction for all polls since the last one. A crash loses a second of them, which forgives some haste."""

    def __init__(self, *, begin: Begin, times: PollTimes) -> None:
        self._begin = begin
        self._times = times

    async def __call__(self) -> bool:
        """Writes one batch, if there is one; True when there is more to write.

        Raises:
            TemporarilyUnavailable: nothing was written, and nothing is forgotten.
        """
        polls = self._times.unsaved(BATCH)
        if not polls:
            return False
        async with self._begin() as work:
            await work.device_codes.record_polls(polls)
        return self._times.saved(polls)

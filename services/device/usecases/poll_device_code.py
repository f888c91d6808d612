"""A device polls for the decision of the user (RFC 8628 3.4, 3.5)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.crypto.hashing import secret_hash
from libs.oauth.errors import AuthorizationPending, SlowDown
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.device.adapters.poll_times import PollTimes
from services.device.adapters.waiting_polls import WaitingPolls
from services.device.domain.device_codes import MAX_INTERVAL, Approval, DeviceCode, unknown_device_code
from services.device.ports import Begin, View


@dataclass(frozen=True)
class ApprovedCode:
    """An approved code that is not redeemed yet."""

    approval: Approval
    scopes: tuple[str, ...]
    code_id: str
    resources: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PollDeviceCode:
    """A poll costs one indexed read. Its time is kept in memory and written later (usecases/record_polls.py)."""

    view: View
    begin: Begin
    clock: Clock
    poll_times: PollTimes
    waiting_polls: WaitingPolls

    async def __call__(self, device_code: str, *, client_id: str, wait: timedelta) -> ApprovedCode:
        """Return the approval. While the code is pending, wait for the decision at most `wait` and one interval.

        Raises:
            AuthorizationPending, SlowDown: the device may poll again later.
            AccessDenied, ExpiredToken, InvalidGrant: the device must stop polling.
        """
        now = self.clock.now()
        device_code_hash = secret_hash(device_code)
        code = await self._find(device_code_hash)
        try:
            return _approved(code, client_id, now=now)
        except AuthorizationPending:
            await self._require_interval(code, now=now)
            if not await self.waiting_polls.wait(code.id, min(wait, code.interval)):
                raise
        return _approved(await self._find(device_code_hash), client_id, now=self.clock.now())

    async def _find(self, device_code_hash: bytes) -> DeviceCode:
        async with self.view() as view:
            code = await view.device_codes.find(device_code_hash)
        if code is None:
            raise unknown_device_code()
        return code

    async def _require_interval(self, code: DeviceCode, *, now: datetime) -> None:
        """Record the poll. If it came too early, lengthen the interval and raise SlowDown."""
        known = [at for at in (code.last_polled_at, self.poll_times.last(code.id)) if at is not None]
        self.poll_times.record(code.id, now)
        if not code.is_too_early(max(known, default=None), now=now):
            return
        if code.interval < MAX_INTERVAL:
            async with self.begin() as work:
                await work.device_codes.slow_down(code.slowed_down(now=now))
        raise SlowDown(reason=Reason.DEVICE_POLLS_TOO_OFTEN)


def _approved(code: DeviceCode, client_id: str, *, now: datetime) -> ApprovedCode:
    return ApprovedCode(code.collect(client_id, now=now), code.scopes, code.id, code.resources)

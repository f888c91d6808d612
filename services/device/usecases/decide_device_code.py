"""A user approves or denies a device authorization (RFC 8628 3.3)."""

from dataclasses import dataclass
from datetime import datetime

from libs.oauth.device_authorization import FRESH_SIGN_IN
from libs.oauth.errors import LoginRequired
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from libs.servicekit.events.event import Event
from services.device import events
from services.device.adapters.waiting_polls import WaitingPolls
from services.device.domain.device_codes import Approval, DeviceCode, unknown_user_code
from services.device.ports import Begin
from services.device.usecases.look_up_user_code import LookUpUserCode, UserCodeEntry


@dataclass(frozen=True)
class Decision:
    """The decision and the attested session of the user. The token service verifies the session, not this service."""

    entry: UserCodeEntry
    approval: Approval
    authenticated_at: datetime
    allow: bool


@dataclass(frozen=True, kw_only=True)
class DecideDeviceCode:
    begin: Begin
    clock: Clock
    look_up: LookUpUserCode
    waiting_polls: WaitingPolls

    async def __call__(self, decision: Decision) -> None:
        """Store the first decision about a code and wake the polls that wait for it.

        Raises:
            LoginRequired: the sign-in of the user is older than FRESH_SIGN_IN.
            InvalidRequest: the user code is unknown, expired or decided (USER_CODE_UNKNOWN).
            TemporarilyUnavailable: too many wrong user codes.
        """
        now = self.clock.now()
        if now - decision.authenticated_at > FRESH_SIGN_IN:
            raise LoginRequired(reason=Reason.SIGN_IN_NOT_FRESH, redirectable=False)
        decided: DeviceCode | None = None
        async with self.begin() as work:
            code = await self.look_up(work, decision.entry, now=now)
            if code is not None:
                after, event = _decide(code, decision, now=now)
                if await work.device_codes.decide(after):
                    decided = after
                    work.emit(event)
        if decided is None:  # raised after the commit, so that the attempt stays counted
            raise unknown_user_code()
        self.waiting_polls.wake(decided.id)


def _decide(code: DeviceCode, decision: Decision, *, now: datetime) -> tuple[DeviceCode, Event]:
    approval, ip_prefix = decision.approval, decision.entry.ip_prefix
    if decision.allow:
        return code.approve(approval, now=now), events.approved(code, approval, ip_prefix=ip_prefix)
    return code.deny(now=now), events.denied(
        code, user_id=approval.user_id, session_id=approval.session_id, ip_prefix=ip_prefix
    )

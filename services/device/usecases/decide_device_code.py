"""The person says yes or no (RFC 8628 3.3)."""

from dataclasses import dataclass
from datetime import datetime

from libs.oauth.device_authorization import FRESH_SIGN_IN
from libs.oauth.errors import LoginRequired
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from libs.servicekit.events.event import Event
from services.device import events
from services.device.adapters.waiting_polls import WaitingRoom
from services.device.domain.device_codes import Approval, DeviceCode, unknown_user_code
from services.device.ports import Begin
from services.device.usecases.look_up_user_code import LookUpUserCode, Typed


@dataclass(frozen=True)
class Decision:
    """`person` is as the frontend brought it: not verified here, and of no use to a device unless the token service
    finds that the authentication service vouches for it.
    """

    typed: Typed
    person: Approval
    authenticated_at: datetime
    allow: bool


class DecideDeviceCode:
    def __init__(self, *, begin: Begin, clock: Clock, look_up: LookUpUserCode, room: WaitingRoom) -> None:
        self._begin = begin
        self._clock = clock
        self._look_up = look_up
        self._room = room

    async def __call__(self, decision: Decision) -> None:
        """Makes the decision true, if it is the first, and wakes the device.

        Raises:
            LoginRequired: the person has not signed in lately.
            InvalidRequest: nothing waits under this code (any more).
            TemporarilyUnavailable: too many wrong codes.
        """
        now = self._clock.now()
        if now - decision.authenticated_at > FRESH_SIGN_IN:
            raise LoginRequired(reason=Reason.SIGN_IN_NOT_FRESH, redirectable=False)
        decided: DeviceCode | None = None
        async with self._begin() as work:
            code = await self._look_up(work, decision.typed, now=now)
            if code is not None:
                after, event = _judged(code, decision, now=now)
                if await work.device_codes.decide(after):
                    decided = after
                    work.emit(event)
        if decided is None:  # said after the commit, so that the attempt stays counted
            raise unknown_user_code()
        self._room.call(decided.id)


def _judged(code: DeviceCode, decision: Decision, *, now: datetime) -> tuple[DeviceCode, Event]:
    person, ip_prefix = decision.person, decision.typed.ip_prefix
    if decision.allow:
        return code.approve(person, now=now), events.approved(code, person, ip_prefix=ip_prefix)
    return code.deny(now=now), events.denied(
        code, user_id=person.user_id, session_id=person.session_id, ip_prefix=ip_prefix
    )

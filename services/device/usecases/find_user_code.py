"""What a person should know before they decide."""

from libs.servicekit.base.clock import Clock
from services.device.domain.device_codes import DeviceCode, unknown_user_code
from services.device.ports import Begin
from services.device.usecases.look_up_user_code import LookUpUserCode, Typed


class FindUserCode:
    def __init__(self, *, begin: Begin, clock: Clock, look_up: LookUpUserCode) -> None:
        self._begin = begin
        self._clock = clock
        self._look_up = look_up

    async def __call__(self, typed: Typed) -> DeviceCode:
        """The device authorization that waits under the code.

        Raises:
            InvalidRequest: there is none (USER_CODE_UNKNOWN).
            TemporarilyUnavailable: too many wrong codes.
        """
        async with self._begin() as work:
            code = await self._look_up(work, typed, now=self._clock.now())
        if code is None:  # said after the commit, so that the attempt stays counted
            raise unknown_user_code()
        return code

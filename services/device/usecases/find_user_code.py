"""Finds the device authorization that the confirmation page shows to the user."""

from dataclasses import dataclass

from libs.servicekit.base.clock import Clock
from services.device.domain.device_codes import DeviceCode, unknown_user_code
from services.device.ports import Begin
from services.device.usecases.look_up_user_code import LookUpUserCode, UserCodeEntry


@dataclass(frozen=True, kw_only=True)
class FindUserCode:
    begin: Begin
    clock: Clock
    look_up: LookUpUserCode

    async def __call__(self, entry: UserCodeEntry) -> DeviceCode:
        """Return the pending device authorization with this user code.

        Raises:
            InvalidRequest: there is none (USER_CODE_UNKNOWN).
            TemporarilyUnavailable: too many wrong user codes.
        """
        async with self.begin() as work:
            code = await self.look_up(work, entry, now=self.clock.now())
        if code is None:  # raised after the commit, so that the attempt stays counted
            raise unknown_user_code()
        return code

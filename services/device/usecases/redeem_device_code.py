"""Redeems an approved device code. A code can be redeemed once."""

from dataclasses import dataclass

from libs.crypto.hashing import secret_hash
from libs.oauth.errors import InvalidGrant
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.device import events
from services.device.domain.device_codes import unknown_device_code
from services.device.ports import Begin


@dataclass(frozen=True, kw_only=True)
class RedeemDeviceCode:
    begin: Begin
    clock: Clock

    async def __call__(self, device_code: str, *, client_id: str) -> None:
        """Redeem the code. Succeeds for exactly one caller.

        Raises:
            InvalidGrant: the code is unknown, belongs to another client, or was redeemed before.
            AuthorizationPending: the user has not decided yet.
            AccessDenied: the user denied the request.
            ExpiredToken: the code has expired.
        """
        now = self.clock.now()
        async with self.begin() as work:
            code = await work.device_codes.find(secret_hash(device_code))
            if code is None:
                raise unknown_device_code()
            approval = code.collect(client_id, now=now)
            if not await work.device_codes.redeem(code.redeem(client_id, now=now)):
                raise InvalidGrant(reason=Reason.DEVICE_CODE_SPENT)
            work.emit(events.redeemed(code, approval))

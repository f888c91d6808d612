"""What a person allowed is collected, once."""

from libs.crypto.hashing import secret_hash
from libs.oauth.errors import InvalidGrant
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.device import events
from services.device.domain.device_codes import unknown_device_code
from services.device.ports import Begin


class RedeemDeviceCode:
    def __init__(self, *, begin: Begin, clock: Clock) -> None:
        self._begin = begin
        self._clock = clock

    async def __call__(self, device_code: str, *, client_id: str) -> None:
        """Succeeds for exactly one caller, ever.

        Raises:
            InvalidGrant: unknown, another client's, or spent before.
            AuthorizationPending, AccessDenied, ExpiredToken: nobody has allowed it, or it is too late.
        """
        now = self._clock.now()
        async with self._begin() as work:
            code = await work.device_codes.find(secret_hash(device_code))
            if code is None:
                raise unknown_device_code()
            approval = code.collect(client_id, now=now)
            if not await work.device_codes.redeem(code.redeem(client_id, now=now)):
                raise InvalidGrant(reason=Reason.DEVICE_CODE_SPENT)
            work.emit(events.redeemed(code, approval))

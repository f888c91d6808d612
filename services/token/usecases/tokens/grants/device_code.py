"""The device code grant (RFC 8628 3.4). The device service stores the code and its state."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.oauth.client_metadata import DEVICE_CODE
from libs.oauth.errors import InvalidRequest
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason
from libs.oauth.scopes import OFFLINE_ACCESS
from libs.servicekit.base.clock import Clock
from services.token.domain.authorization.devices import AllowedDevice
from services.token.domain.clients.client import Client
from services.token.domain.tokens.grants import Grant
from services.token.domain.tokens.token_claims import AccessToken, Lifetimes
from services.token.ports.authorization import Devices
from services.token.ports.work import Begin
from services.token.usecases.tokens.grants.new_grant import keep_grant
from services.token.usecases.tokens.issue_tokens import Authorized

WAIT = "latchkey_wait"
"""An extension parameter (RFC 6749 8.2): how many seconds the request may wait for the user's decision."""
_MAX_WAIT_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class DeviceCodeGrant:
    """Polls and redeems in two calls, so that a code is not lost when signing fails."""

    begin: Begin
    devices: Devices
    chain_key: bytes
    lifetimes: Lifetimes
    clock: Clock

    async def __call__(self, parameters: Parameters, client: Client, *, now: datetime) -> Authorized:
        """Raises AuthorizationPending, SlowDown, AccessDenied, ExpiredToken, InvalidGrant (RFC 8628 3.5).

        InvalidScope when the client has lost a scope since it asked.
        """
        if "device_code" not in parameters:
            raise InvalidRequest("device_code is missing.", reason=Reason.DEVICE_CODE_MISSING)
        device_code = parameters["device_code"]
        allowed = await self.devices.poll(device_code, client_id=client.client_id, wait=_wait(parameters))
        now = self.clock.now()  # the poll may have waited
        allowed.require_fresh_sign_in(now=now)
        grant = _grant(allowed, client, now=now)

        async def redeem(token: AccessToken) -> str | None:
            await self.devices.redeem(device_code, client_id=client.client_id)
            async with self.begin() as work:
                return await keep_grant(
                    work,
                    client,
                    grant,
                    token,
                    grant_type=DEVICE_CODE,
                    correlation_id=allowed.correlation_id,
                    chain_key=self.chain_key,
                    lifetimes=self.lifetimes,
                    now=now,
                )

        return Authorized(client=client, scopes=grant.scopes, redeem=redeem, grant=grant)


def _wait(parameters: Parameters) -> timedelta:
    text = parameters.get(WAIT, "0")
    if not (text.isascii() and text.isdecimal() and len(text) <= 4):
        raise InvalidRequest(f"{WAIT} must be a non-negative integer of seconds.", reason=Reason.WAIT_MALFORMED)
    return timedelta(seconds=min(int(text), _MAX_WAIT_SECONDS))


def _grant(allowed: AllowedDevice, client: Client, *, now: datetime) -> Grant:
    session, scopes = allowed.session, client.permitted_scope(allowed.scopes)
    return Grant.of_session(
        session,
        client_id=client.client_id,
        scopes=scopes,
        resources=allowed.resources,
        offline=OFFLINE_ACCESS in scopes,
        now=now,
    )

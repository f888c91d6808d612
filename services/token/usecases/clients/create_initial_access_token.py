"""Creates an initial access token (RFC 7591 1.2, 3)."""

from dataclasses import dataclass
from datetime import timedelta

from libs.crypto.hashing import secret_hash
from libs.crypto.random import new_secret, uuid7
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.oauth.registration import RegistrationMode
from libs.servicekit.base.clock import Clock
from services.token import events
from services.token.domain.clients.registrations import (
    InitialAccessToken,
    NewInitialAccessToken,
    lifetime_valid,
    uses_valid,
)
from services.token.ports.work import Begin


@dataclass(frozen=True, kw_only=True)
class CreateInitialAccessToken:
    begin: Begin
    mode: RegistrationMode
    clock: Clock

    async def __call__(self, *, uses: int, life: timedelta) -> NewInitialAccessToken:
        """Return a new token of 256 random bits; only its hash is stored.

        Raises:
            InvalidRequest: for no or too many uses or seconds, and where registration is closed: it would be of no use.
        """
        if self.mode == "closed":
            raise InvalidRequest(
                "Dynamic client registration is disabled: set LATCHKEY_REGISTRATION to token or open.",
                reason=Reason.REGISTRATION_CLOSED,
            )
        if not uses_valid(uses) or not lifetime_valid(life):
            raise InvalidRequest(
                "An initial access token must have 1 to 100000 uses and a lifetime of 1 second to 365 days.",
                reason=Reason.REGISTRATION_TOKEN_BOUNDS,
            )
        now, plain = self.clock.now(), new_secret()
        record = InitialAccessToken(token_id=uuid7(now), uses_left=uses, created_at=now, expires_at=now + life)
        async with self.begin() as work:
            await work.initial_access_tokens.add(record, token_hash=secret_hash(plain))
            work.emit(events.admin_acted("initial_access_token.created", target_id=record.token_id))
        return NewInitialAccessToken(record, plain)

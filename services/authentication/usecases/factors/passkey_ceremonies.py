"""What a browser is asked of passkeys, and whether its answer holds: for whichever page it is."""

from collections.abc import Sequence
from datetime import datetime

from libs.crypto.errors import PasskeyRefused
from libs.crypto.passkeys import (
    NewPasskey,
    RelyingParty,
    UnverifiedResponse,
    registration_options,
    request_options,
    verify_assertion,
    verify_registration,
)
from libs.servicekit.base.clock import Clock
from services.authentication.domain.accounts.account import Account
from services.authentication.domain.factors.challenges import ChallengePurpose, challenge_expiry, new_challenge
from services.authentication.domain.factors.passkeys import Passkey, user_handle
from services.authentication.ports.work import Writer


class Ceremonies:
    """Where the issuer is an IP address, browsers know no passkeys: then nothing is asked, and nothing holds."""

    def __init__(self, party: RelyingParty | None, *, key: bytes, clock: Clock) -> None:
        self._party = party
        self._key = key
        self._clock = clock

    def to_enrol(self, account: Account, known: Sequence[Passkey], *, bound_to: str) -> str:
        """Empty where there are no passkeys."""
        if self._party is None:
            return ""
        return registration_options(
            self._party,
            challenge=self._challenge(ChallengePurpose.ENROL, bound_to),
            user_handle=user_handle(account.id),
            username=account.username,
            known=[each.credential for each in known],
        )

    def to_show(self, purpose: ChallengePurpose, known: Sequence[Passkey] = (), *, bound_to: str) -> str:
        """Empty where there are no passkeys. Without `known` the authenticator must verify the user."""
        if self._party is None:
            return ""
        return request_options(
            self._party,
            challenge=self._challenge(purpose, bound_to),
            known=[each.credential for each in known],
            user_verification=not known,
        )

    async def enrolled(self, work: Writer, response: UnverifiedResponse, *, bound_to: str) -> NewPasskey:
        """What was made; its challenge is used up. Raises PasskeyRefused."""
        party, expires_at = self._judge(response, ChallengePurpose.ENROL, bound_to)
        made = verify_registration(party, response, challenge=response.challenge)
        await self._consume(work, response, expires_at)
        return made

    async def shown(
        self,
        work: Writer,
        response: UnverifiedResponse,
        passkey: Passkey,
        *,
        purpose: ChallengePurpose,
        bound_to: str,
        user_verification: bool,
    ) -> None:
        """The passkey holds, and its use is noted. Runs with its owner locked.

        Raises:
            PasskeyRefused: and no use has been noted.
        """
        party, expires_at = self._judge(response, purpose, bound_to)
        if response.user_handle not in {None, user_handle(passkey.user_id)}:
            raise PasskeyRefused("passkey belongs to another user")
        said = verify_assertion(
            party, response, passkey.credential, challenge=response.challenge, user_verification=user_verification
        )
        await self._consume(work, response, expires_at)
        now = self._clock.now()
        if not await work.passkeys.record_use(passkey, sign_count=said.sign_count, backed_up=said.backed_up, now=now):
            raise PasskeyRefused("passkey was used concurrently")

    def _challenge(self, purpose: ChallengePurpose, bound_to: str) -> bytes:
        return new_challenge(purpose, bound_to, key=self._key, now=self._clock.now())

    def _judge(
        self, response: UnverifiedResponse, purpose: ChallengePurpose, bound_to: str
    ) -> tuple[RelyingParty, datetime]:
        """Who asked, and until when the answer may come."""
        now = self._clock.now()
        expires_at = challenge_expiry(response.challenge, purpose, bound_to, key=self._key, now=now)
        if self._party is None or expires_at is None:
            raise PasskeyRefused("challenge is unknown or expired")
        return self._party, expires_at

    async def _consume(self, work: Writer, response: UnverifiedResponse, expires_at: datetime) -> None:
        if not await work.passkeys.consume_challenge(response.challenge, expires_at=expires_at):
            raise PasskeyRefused("challenge was already used")

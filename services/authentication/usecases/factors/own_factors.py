"""A user looks at their second factors, and takes them away."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.factors.factor import Factor
from services.authentication.domain.factors.recovery_codes import code_hash, new_codes
from services.authentication.ports.work import Begin, View
from services.authentication.usecases.factors.notify_factor_change import tell_codes_created, tell_removed
from services.authentication.usecases.sessions.own_sessions import RequireSession


@dataclass(frozen=True)
class OwnFactors:
    factors: Sequence[Factor]
    codes_left: int
    """Recovery codes that have not been used."""


class ListFactors:
    def __init__(self, *, view: View, require_session: RequireSession) -> None:
        self._view = view
        self._require_session = require_session

    async def __call__(self, session_secret: str) -> OwnFactors:
        """Raises AccessDenied: SESSION_MISSING."""
        async with self._view() as view:
            live = await self._require_session(view, session_secret)
            factors = await view.factors.of(live.account.id)
            return OwnFactors(factors, await view.factors.codes_left(live.account.id))


class RemoveFactor:
    def __init__(self, *, work: Begin, require_session: RequireSession, clock: Clock) -> None:
        self._work = work
        self._require_session = require_session
        self._clock = clock

    async def __call__(self, session_secret: str, factor_id: str) -> Factor | None:
        """Removes a factor of the signed-in user; with the last one also the recovery codes. None: unknown factor.

        Raises:
            AccessDenied: SESSION_MISSING, REAUTHENTICATION_REQUIRED.
        """
        async with self._work() as work:
            user_id = (await self._require_session.locked(work, session_secret)).account.id
            removed = await work.factors.remove(user_id, factor_id)
            if removed is not None:
                if not await work.factors.of(user_id):
                    await work.factors.remove_all(user_id)
                await tell_removed(work, user_id, [removed], actor=events.user(user_id), now=self._clock.now())
        return removed


class CreateRecoveryCodes:
    def __init__(self, *, work: Begin, require_session: RequireSession, recovery_key: bytes, clock: Clock) -> None:
        self._work = work
        self._require_session = require_session
        self._recovery_key = recovery_key
        self._clock = clock

    async def __call__(self, session_secret: str) -> tuple[str, ...]:
        """New codes, to be shown this once; those from before open nothing any more.

        Raises:
            AccessDenied: SESSION_MISSING, REAUTHENTICATION_REQUIRED.
            InvalidRequest: FACTOR_MISSING: there is nothing that they could stand in for.
        """
        codes = new_codes()
        async with self._work() as work:
            user_id = (await self._require_session.locked(work, session_secret)).account.id
            if not await work.factors.of(user_id):
                raise InvalidRequest(
                    "Recovery codes require a second factor: add an authenticator app or a passkey first.",
                    reason=Reason.FACTOR_MISSING,
                    redirectable=False,
                )
            hashes = [code_hash(code, user_id=user_id, key=self._recovery_key) for code in codes]
            await work.factors.replace_codes(user_id, hashes, now=self._clock.now())
            await tell_codes_created(work, user_id, now=self._clock.now())
        return codes

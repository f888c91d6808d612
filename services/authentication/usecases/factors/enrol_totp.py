"""A user sets up an authenticator app."""

from libs.crypto.hashing import secret_hash
from libs.crypto.one_time_passwords import matching_step, new_totp_secret
from libs.crypto.random import uuid7
from libs.crypto.sealing import KeyEncryptionKey
from libs.oauth.errors import AccessDenied
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication.domain.factors.factor import (
    ENROLMENT_LIFETIME,
    MAX_PER_KIND,
    Factor,
    FactorKind,
    TotpEnrolment,
    check_name,
    too_many,
    totp_binding,
    wrong_proof,
)
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sessions.session import AMR_ONE_TIME
from services.authentication.ports.work import Begin, Writer
from services.authentication.usecases.factors.notify_factor_change import tell_added
from services.authentication.usecases.sessions.own_sessions import RequireSession
from services.authentication.usecases.sessions.start_session import SignedIn, StartSession


class StartTotp:
    def __init__(
        self, *, work: Begin, require_session: RequireSession, factor_key: KeyEncryptionKey, clock: Clock
    ) -> None:
        self._work = work
        self._require_session = require_session
        self._factor_key = factor_key
        self._clock = clock

    async def __call__(self, session_secret: str) -> tuple[bytes, str]:
        """Return the secret for the app and the username. The secret stays the same during one setup in a session.

        Raises:
            AccessDenied: SESSION_MISSING, REAUTHENTICATION_REQUIRED.
        """
        now = self._clock.now()
        async with self._work() as work:
            live = await self._require_session.locked(work, session_secret)
            user_id, session_id = live.account.id, live.session.id
            present = await work.factors.enrolment_of(user_id)
            if present is not None and present.holds(session_id=session_id, now=now):
                secret = self._factor_key.unwrap(present.sealed_secret, bound_to=totp_binding(user_id))
                return secret, live.account.username
            secret = new_totp_secret()
            sealed = self._factor_key.wrap(secret, bound_to=totp_binding(user_id))
            await work.factors.begin_enrolment(
                TotpEnrolment(
                    user_id=user_id, session_id=session_id, sealed_secret=sealed, expires_at=now + ENROLMENT_LIFETIME
                )
            )
        return secret, live.account.username


class ConfirmTotp:
    """The app counts from the moment that it has given a code. That code is used up, as at a sign-in."""

    def __init__(
        self,
        *,
        work: Begin,
        require_session: RequireSession,
        start: StartSession,
        factor_key: KeyEncryptionKey,
        clock: Clock,
    ) -> None:
        self._work = work
        self._require_session = require_session
        self._start = start
        self._factor_key = factor_key
        self._clock = clock

    async def __call__(self, session_secret: str, code: str, *, name: str, origin: Origin) -> SignedIn:
        """The session under a new secret: what it may do has grown.

        Raises:
            AccessDenied: SESSION_MISSING, REAUTHENTICATION_REQUIRED, ENROLMENT_UNKNOWN; WRONG_PROOF: the same app may
                try again.
            InvalidRequest: FACTORS_TOO_MANY, FACTOR_NAME.
        """
        now = self._clock.now()
        async with self._work() as work:
            live = await self._require_session.locked(work, session_secret)
            user_id = live.account.id
            enrolment = await work.factors.enrolment_of(user_id)
            if enrolment is None or not enrolment.holds(session_id=live.session.id, now=now):
                raise _unknown_enrolment()
            secret = self._factor_key.unwrap(enrolment.sealed_secret, bound_to=totp_binding(user_id))
            step = matching_step(secret, "".join(code.split()), now=now, after=0)
            if step is None:
                raise wrong_proof()
            factor = Factor(
                id=uuid7(now),
                kind=FactorKind.TOTP,
                name=check_name(name, otherwise=""),
                created_at=now,
                last_used_at=None,
            )
            await self._add(work, user_id, factor, enrolment.sealed_secret, step)
            stepped_up = await self._start.step_up(
                work, live.session, session_hash=secret_hash(session_secret), more=AMR_ONE_TIME, origin=origin
            )
            if stepped_up is None:
                raise _unknown_enrolment()
        return stepped_up

    async def _add(self, work: Writer, user_id: str, factor: Factor, sealed_secret: bytes, step: int) -> None:
        present = await work.factors.of(user_id)
        if sum(each.kind is factor.kind for each in present) >= MAX_PER_KIND:
            raise too_many()
        await work.factors.add_totp(factor, user_id=user_id, sealed_secret=sealed_secret, step=step)
        await work.factors.forget_enrolment(user_id)
        await tell_added(work, user_id, factor, now=self._clock.now())


def _unknown_enrolment() -> AccessDenied:
    return AccessDenied(
        "The authenticator app enrolment is unknown or has expired: start it again.",
        reason=Reason.ENROLMENT_UNKNOWN,
        redirectable=False,
    )

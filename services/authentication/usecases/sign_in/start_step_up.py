"""A browser that is signed in begins to show more than it has (OpenID Connect Core 5.5.1.1, RFC 9470)."""

from libs.crypto.hashing import secret_hash
from libs.crypto.random import new_secret
from libs.servicekit.base.clock import Clock
from services.authentication.domain.sign_in.sign_in_attempts import LIFETIME, AttemptKind
from services.authentication.ports.work import Begin
from services.authentication.usecases.sessions.own_sessions import RequireSession
from services.authentication.usecases.sign_in.sign_in import SecondStep


class StartStepUp:
    def __init__(self, *, work: Begin, require_session: RequireSession, clock: Clock) -> None:
        self._work = work
        self._require_session = require_session
        self._clock = clock

    async def __call__(self, session_secret: str) -> SecondStep | None:
        """The attempt that a second factor completes; None when the user has none, and so has to enrol one first.

        Raises:
            AccessDenied: SESSION_MISSING.
        """
        async with self._work() as work:
            live = await self._require_session(work, session_secret)
            current = await work.accounts.lock(live.account.id)
            if current is None or not current.has_second_factor:
                return None
            secret = new_secret()
            await work.attempts.add(
                secret_hash(secret),
                kind=AttemptKind.STEP_UP,
                user_id=current.user_id,
                password_version=current.password_version,
                session_hash=secret_hash(session_secret),
                amr=live.session.amr,
                expires_at=self._clock.now() + LIFETIME,
            )
        return SecondStep(secret)

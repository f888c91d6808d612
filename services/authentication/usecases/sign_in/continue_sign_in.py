"""The second step of a sign-in: the password was right, and now a second factor is shown."""

from libs.crypto.hashing import secret_hash
from libs.oauth.errors import OAuthError, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.factors.factor import FactorKind, wrong_proof
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sessions.session import amr_with
from services.authentication.domain.sign_in.sign_in_attempts import AttemptKind, SignInAttempt, unknown_attempt
from services.authentication.domain.sign_in.throttle import Keys, codes_key, seconds_to_wait, seconds_to_wait_for_codes
from services.authentication.events import LoginFailure
from services.authentication.ports.work import Begin, Writer
from services.authentication.usecases.factors.verify_factor import Proof, ProveFactor
from services.authentication.usecases.sessions.start_session import SignedIn, StartSession


class ContinueSignIn:
    """One transaction that locks the user first: attempts for one user are serialized,
    at whatever replica, and each sees the count of those before it.
    """

    def __init__(
        self, *, work: Begin, prove: ProveFactor, start: StartSession, clock: Clock, stand_in_key: bytes
    ) -> None:
        self._work = work
        self._prove = prove
        self._start = start
        self._clock = clock
        self._stand_in_key = stand_in_key

    async def __call__(self, attempt_secret: str, proof: Proof, *, session_secret: str, origin: Origin) -> SignedIn:
        """Completes an attempt, once: a session begins, or the browser's own becomes one of a higher class.

        Raises:
            AccessDenied: ATTEMPT_UNKNOWN: from the start again; WRONG_PROOF: the attempt goes on living.
            TemporarilyUnavailable: SIGN_IN_THROTTLED.
        """
        session_hash = secret_hash(session_secret) if session_secret else None
        async with self._work() as work:
            outcome = await self._judge(work, secret_hash(attempt_secret), proof, session_hash, origin)
        if isinstance(outcome, OAuthError):  # after the commit, so that the failure stays counted
            raise outcome
        return outcome

    async def _judge(
        self, work: Writer, attempt_hash: bytes, proof: Proof, session_hash: bytes | None, origin: Origin
    ) -> SignedIn | OAuthError:
        attempt = await self._locked(work, attempt_hash, session_hash)
        if attempt is None:
            return unknown_attempt()
        keys = Keys.of(username_key=attempt.username_key, place=origin.ip_prefix, key=self._stand_in_key)
        codes = codes_key(attempt.user_id, key=self._stand_in_key)
        seconds = await self._seconds_to_wait(work, keys, codes, proof.kind)
        if seconds:
            return TemporarilyUnavailable(
                "Too many failed sign-in attempts: try again later.",
                reason=Reason.SIGN_IN_THROTTLED,
                retry_after=seconds,
            )
        more = await self._prove(work, attempt.user_id, proof, attempt=attempt.secret_hash)
        if more is None:
            counted = (*keys, codes) if proof.kind is not FactorKind.PASSKEY else tuple(keys)
            await work.failures.count(counted, now=self._clock.now())
            self._tell_failure(work, attempt, origin)
            return wrong_proof()
        return await self._complete(work, attempt, more, forgiven=(keys.name, codes), origin=origin)

    async def _locked(self, work: Writer, attempt_hash: bytes, session_hash: bytes | None) -> SignInAttempt | None:
        """The attempt, if it can be completed. Locks its user, so that no other request completes it."""
        seen = await work.attempts.find(attempt_hash)
        current = None if seen is None else await work.accounts.lock(seen.user_id)
        attempt = await work.attempts.find(attempt_hash)  # as it is now: it may have been completed meanwhile
        if attempt is None or not attempt.still_holds(current):
            return None
        return attempt if attempt.is_open(session_hash=session_hash, now=self._clock.now()) else None

    async def _seconds_to_wait(self, work: Writer, keys: Keys, codes: bytes, kind: FactorKind) -> int:
        now = self._clock.now()
        failures = await work.failures.under((*keys, codes))
        seconds = seconds_to_wait(keys, failures, under_way=0, now=now)
        if kind is FactorKind.PASSKEY:  # a passkey cannot be guessed, so throttling does not apply to it
            return seconds
        return max(seconds, seconds_to_wait_for_codes(failures.get(codes), now=now))

    async def _complete(
        self,
        work: Writer,
        attempt: SignInAttempt,
        more: tuple[str, ...],
        *,
        forgiven: tuple[bytes, ...],
        origin: Origin,
    ) -> SignedIn | OAuthError:
        if not await work.attempts.complete(attempt.secret_hash, now=self._clock.now()):
            return unknown_attempt()
        for key in forgiven:
            await work.failures.forgive(key)
        if attempt.kind is AttemptKind.SIGN_IN:
            amr = amr_with(attempt.amr, more)
            return await self._start(work, attempt.user_id, replaces=attempt.session_hash, amr=amr, origin=origin)
        return await self._step_up(work, attempt, more, origin) or unknown_attempt()

    async def _step_up(
        self, work: Writer, attempt: SignInAttempt, more: tuple[str, ...], origin: Origin
    ) -> SignedIn | None:
        found = await work.sessions.with_account(attempt.session_hash) if attempt.session_hash else None
        if found is None or attempt.session_hash is None:
            return None
        return await self._start.step_up(work, found[0], session_hash=attempt.session_hash, more=more, origin=origin)

    def _tell_failure(self, work: Writer, attempt: SignInAttempt, origin: Origin) -> None:
        reason, user_id = LoginFailure.WRONG_SECOND_FACTOR, attempt.user_id
        work.emit(events.login_failed(user_id=user_id, subject=user_id, reason=reason, origin=origin))

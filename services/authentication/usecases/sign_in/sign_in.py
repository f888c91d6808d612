"""Sign-in with a password."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from libs.crypto.hashing import secret_hash
from libs.crypto.random import new_secret
from libs.oauth.errors import AccessDenied, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.accounts.account import Credentials
from services.authentication.domain.accounts.usernames import lookup_key, stand_in
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sessions.session import AMR_PASSWORD
from services.authentication.domain.sign_in.sign_in_attempts import LIFETIME, AttemptKind
from services.authentication.domain.sign_in.throttle import Failures, Keys
from services.authentication.events import LoginFailure
from services.authentication.ports.sign_in import PasswordHasher
from services.authentication.ports.work import Begin, View, Writer
from services.authentication.usecases.sessions.start_session import SignedIn, StartSession
from services.authentication.usecases.sign_in.attempt_throttle import AttemptThrottle


@dataclass(frozen=True)
class Attempt:
    username: str
    password: str = field(repr=False)
    session_secret: str = field(default="", repr=False)
    """What the browser shows as its present session; empty when it has none."""
    origin: Origin = field(default_factory=Origin)
    through_client: bool = False
    """The user gave the password to the client of `origin`, and not to us (RFC 6749 4.3)."""

    @property
    def place(self) -> str:
        """Where its failures are counted."""
        return f"client {self.origin.client_id}" if self.through_client else self.origin.ip_prefix


@dataclass(frozen=True)
class SecondStep:
    """The password was right, and does not do alone: who holds this secret may show a second factor."""

    attempt_secret: str = field(repr=False)


class SignIn:
    """Every refusal is the same AccessDenied after the same work: one look, one hash, one transaction."""

    def __init__(
        self,
        *,
        view: View,
        work: Begin,
        passwords: PasswordHasher,
        clock: Clock,
        start: StartSession,
        throttle: AttemptThrottle,
        stand_in_key: bytes,
    ) -> None:
        self._view = view
        self._work = work
        self._passwords = passwords
        self._clock = clock
        self._start = start
        self._stand_in_key = stand_in_key
        self._throttle = throttle

    async def __call__(self, attempt: Attempt) -> SignedIn | SecondStep:
        """Starts a session with a new id and a new secret, and ends the one that the browser had; or, for who has a
        second factor, begins the second step. Through a client there is none (RFC 6749 4.3), and so no sign-in.

        Raises:
            AccessDenied: whatever the cause; but SECOND_FACTOR_REQUIRED where a client gave the right password.
            TemporarilyUnavailable: too many sign-ins wait for their turn; or this name, or this network, has failed so
                often that it has to wait (SIGN_IN_THROTTLED), also for unknown names.
        """
        keys = Keys.of(username_key=lookup_key(attempt.username) or "", place=attempt.place, key=self._stand_in_key)
        since = self._throttle.mark()
        found, failures = await self._find(attempt.username, keys)
        with self._throttle.begun(keys, failures, since=since):
            return await self._try(attempt, found, keys, has_failed=keys.name in failures)

    async def _try(
        self, attempt: Attempt, found: Credentials | None, keys: Keys, *, has_failed: bool
    ) -> SignedIn | SecondStep:
        # No transaction is open while this takes its 20 milliseconds and more.
        proved = await self._prove(found, attempt.password)
        better_hash = await self._better_hash(proved, attempt.password) if proved else None
        following: SignedIn | SecondStep | None = None
        async with self._work() as work:
            current = await work.accounts.lock(proved.user_id) if proved else found
            right = proved is not None and proved.still_holds(current)
            if proved and current and right and not (current.has_second_factor and attempt.through_client):
                following = await self._go_on(work, current, attempt)
                # Failures are not reset before the second step: its attempts are counted under the same keys.
                if has_failed and isinstance(following, SignedIn):
                    await work.failures.forgive(keys.name)
                if better_hash is not None:
                    await work.accounts.upgrade_hash(proved.user_id, better_hash)
            else:
                if not right:
                    await work.failures.count(tuple(keys), now=self._clock.now())
                self._tell_failure(work, current, attempt, right=right)
        if following is None:
            raise _refusal(right=right)
        return following

    async def _find(self, username: str, keys: Keys) -> tuple[Credentials | None, Mapping[bytes, Failures]]:
        """The credentials behind the name, and how often it has failed."""
        key = lookup_key(username)
        async with self._view() as view:
            failures = await view.failures.under(tuple(keys))
            found = await view.accounts.credentials(key) if key is not None else None
        return found, failures

    async def _prove(self, found: Credentials | None, password: str) -> Credentials | None:
        """The credentials, if they may be used and the password is theirs; one hash operation in any case."""
        usable = found if found is not None and found.active else None
        matches = await self._passwords.verify(usable.password_hash if usable else None, password)
        return usable if matches else None

    async def _better_hash(self, credentials: Credentials, password: str) -> str | None:
        """The password hashed as we hash today, if that differs; a full queue leaves it for another day."""
        if not self._passwords.outdated(credentials.password_hash):
            return None
        try:
            return await self._passwords.hash(password)
        except TemporarilyUnavailable:
            return None

    async def _go_on(self, work: Writer, current: Credentials, attempt: Attempt) -> SignedIn | SecondStep:
        """What a right password leads to. Runs with the user locked."""
        old = secret_hash(attempt.session_secret) if attempt.session_secret else None
        if not current.has_second_factor:
            return await self._start(work, current.user_id, replaces=old, amr=AMR_PASSWORD, origin=attempt.origin)
        secret = new_secret()
        await work.attempts.add(
            secret_hash(secret),
            kind=AttemptKind.SIGN_IN,
            user_id=current.user_id,
            password_version=current.password_version,
            session_hash=old,
            amr=AMR_PASSWORD,
            expires_at=self._clock.now() + LIFETIME,
        )
        return SecondStep(secret)

    def _tell_failure(self, work: Writer, found: Credentials | None, attempt: Attempt, *, right: bool) -> None:
        reason = LoginFailure.WRONG_CREDENTIALS
        if found is not None and not found.active:
            reason = LoginFailure.ACCOUNT_DISABLED
        elif right:
            reason = LoginFailure.SECOND_FACTOR_REQUIRED
        work.emit(
            events.login_failed(
                user_id=found.user_id if found else "",
                subject=found.user_id if found else stand_in(attempt.username, key=self._stand_in_key),
                reason=reason,
                origin=attempt.origin,
            )
        )


def _refusal(*, right: bool) -> AccessDenied:
    if right:
        return AccessDenied(
            "The user has a second factor and must sign in with a browser.",
            reason=Reason.SECOND_FACTOR_REQUIRED,
            redirectable=False,
        )
    return AccessDenied("Username or password is incorrect.", reason=Reason.WRONG_CREDENTIALS, redirectable=False)

"""A signed-in user changes their password."""

from collections.abc import Mapping

from libs.oauth.errors import AccessDenied
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.accounts.account import Credentials
from services.authentication.domain.accounts.usernames import lookup_key
from services.authentication.domain.email.emails import Email, EmailKind
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sessions.session import EndReason
from services.authentication.domain.sign_in.throttle import Failures, Keys
from services.authentication.ports.sign_in import PasswordHasher, PasswordPolicy
from services.authentication.ports.work import Begin, View
from services.authentication.usecases.sessions.get_session import LiveSession
from services.authentication.usecases.sessions.own_sessions import RequireSession
from services.authentication.usecases.sign_in.attempt_throttle import AttemptThrottle


class ChangePassword:
    """Requires the current password. Failed attempts are throttled like sign-ins."""

    def __init__(
        self,
        *,
        view: View,
        work: Begin,
        require_session: RequireSession,
        passwords: PasswordHasher,
        policy: PasswordPolicy,
        throttle: AttemptThrottle,
        clock: Clock,
        stand_in_key: bytes,
    ) -> None:
        self._view = view
        self._work = work
        self._require_session = require_session
        self._passwords = passwords
        self._policy = policy
        self._throttle = throttle
        self._clock = clock
        self._stand_in_key = stand_in_key

    async def __call__(self, session_secret: str, current: str, new: str, *, origin: Origin) -> None:
        """From now on the new one; all other sessions of the user end.

        Raises:
            AccessDenied: SESSION_MISSING; WRONG_CREDENTIALS: it is not the present password.
            InvalidRequest: the new password is invalid.
            TemporarilyUnavailable: too many failures, or too much waits to be hashed.
        """
        since = self._throttle.mark()
        live, found, keys, failures = await self._find(session_secret, origin)
        accepted = await self._policy(new, about=live.account.words)
        with self._throttle.begun(keys, failures, since=since):
            if not await self._passwords.verify(found.password_hash, current):
                await self._refuse(live, keys, origin)
        password_hash = await self._passwords.hash(new)
        user_id, reason = found.user_id, EndReason.PASSWORD_CHANGED
        async with self._work() as work:
            if not found.still_holds(await work.accounts.lock(user_id)):
                raise AccessDenied(
                    "The password was changed by another request: sign in again.",
                    reason=Reason.WRONG_CREDENTIALS,
                    redirectable=False,
                )
            await work.accounts.change_password(user_id, password_hash)
            await work.accounts.refuse_earlier_grants(user_id, now=self._clock.now())
            ended = await work.sessions.end_others_of(
                user_id, keep=live.session.id, reason=reason, now=self._clock.now()
            )
            work.emit(events.password_changed(user_id, actor=events.user(user_id)))
            work.emit(*events.password_unchecked(user_id, accepted))
            await work.emails.post(Email(kind=EmailKind.PASSWORD_CHANGED, user_id=user_id), now=self._clock.now())
            work.emit(*events.sessions_ended(ended, reason, actor=events.user(user_id)))

    async def _find(
        self, session_secret: str, origin: Origin
    ) -> tuple[LiveSession, Credentials, Keys, Mapping[bytes, Failures]]:
        async with self._view() as view:
            live = await self._require_session(view, session_secret)
            name = lookup_key(live.account.username) or ""
            keys = Keys.of(username_key=name, place=origin.ip_prefix, key=self._stand_in_key)
            failures = await view.failures.under(tuple(keys))
            found = await view.accounts.credentials(name)
        if found is None:  # the name is another's since a moment ago
            raise AccessDenied(reason=Reason.WRONG_CREDENTIALS, redirectable=False)
        return live, found, keys, failures

    async def _refuse(self, live: LiveSession, keys: Keys, origin: Origin) -> None:
        async with self._work() as work:
            await work.failures.count(tuple(keys), now=self._clock.now())
            user_id = live.account.id
            work.emit(events.login_failed(user_id=user_id, subject=user_id, origin=origin))
        raise AccessDenied("Current password is incorrect.", reason=Reason.WRONG_CREDENTIALS, redirectable=False)

"""An operator gives a user a new password."""

from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.accounts.usernames import lookup_key, unknown_user
from services.authentication.domain.email.emails import Email, EmailKind
from services.authentication.domain.sessions.session import EndReason
from services.authentication.ports.sign_in import PasswordHasher, PasswordPolicy
from services.authentication.ports.work import Begin, View


class SetPassword:
    def __init__(
        self, *, view: View, work: Begin, passwords: PasswordHasher, policy: PasswordPolicy, clock: Clock
    ) -> None:
        self._view = view
        self._policy = policy
        self._work = work
        self._passwords = passwords
        self._clock = clock

    async def __call__(self, username: str, password: str, *, operator: str) -> None:
        """From now on this password, and it alone; everything that was signed in with another ends.

        Raises:
            InvalidRequest: USER_UNKNOWN, or an invalid password.
            TemporarilyUnavailable: too much waits to be hashed.
        """
        username_key = lookup_key(username)
        if username_key is None:
            raise unknown_user()
        async with self._view() as view:
            account = await view.accounts.by_name(username_key)
        if account is None:
            raise unknown_user()
        accepted = await self._policy(password, about=account.words)
        password_hash = await self._passwords.hash(password)
        reason = EndReason.PASSWORD_CHANGED
        actor = events.operator(operator)
        async with self._work() as work:
            user_id = await work.accounts.set_password(username_key, password_hash)
            if user_id is None:
                raise unknown_user()
            await work.accounts.refuse_earlier_grants(user_id, now=self._clock.now())
            ended = await work.sessions.end_all_of(user_id, reason=reason, now=self._clock.now())
            work.emit(events.password_changed(user_id, actor=actor), *events.password_unchecked(user_id, accepted))
            await work.emails.post(Email(kind=EmailKind.PASSWORD_CHANGED, user_id=user_id), now=self._clock.now())
            work.emit(*events.sessions_ended(ended, reason, actor=actor))

"""An operator gives a user a new password."""

from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.accounts.account import AccountState
from services.authentication.domain.accounts.usernames import unknown_user
from services.authentication.domain.email.emails import Email, EmailKind
from services.authentication.domain.sessions.session import EndReason
from services.authentication.ports.sign_in import PasswordHasher, PasswordPolicy
from services.authentication.ports.work import Begin, View
from services.authentication.usecases.accounts.find_user import find_user


class SetPassword:
    def __init__(
        self, *, view: View, work: Begin, passwords: PasswordHasher, policy: PasswordPolicy, clock: Clock
    ) -> None:
        self._view = view
        self._policy = policy
        self._work = work
        self._passwords = passwords
        self._clock = clock

    async def __call__(self, who: str, password: str, *, operator: str) -> None:
        """From now on this password, and it alone; everything that was signed in with another ends.

        Raises:
            InvalidRequest: USER_UNKNOWN, USER_AMBIGUOUS, or an invalid password.
            TemporarilyUnavailable: too much waits to be hashed.
        """
        async with self._view() as view:
            account = await find_user(view.accounts, who)
        accepted = await self._policy(password, about=account.words)
        password_hash = await self._passwords.hash(password)
        reason = EndReason.PASSWORD_CHANGED
        actor = events.operator(operator)
        async with self._work() as work:
            current = await work.accounts.lock_account(account.id)
            if current is None or current.state is AccountState.DELETED:
                raise unknown_user()
            user_id = current.id
            await work.accounts.change_password(user_id, password_hash)
            await work.accounts.refuse_earlier_grants(user_id, now=self._clock.now())
            ended = await work.sessions.end_all_of(user_id, reason=reason, now=self._clock.now())
            work.emit(events.password_changed(user_id, actor=actor), *events.password_unchecked(user_id, accepted))
            await work.emails.post(Email(kind=EmailKind.PASSWORD_CHANGED, user_id=user_id), now=self._clock.now())
            work.emit(*events.sessions_ended(ended, reason, actor=actor))

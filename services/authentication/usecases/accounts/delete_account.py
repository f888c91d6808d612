"""A user ends their account, for good."""

from datetime import datetime

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from libs.servicekit.events.event import Actor
from services.authentication import events
from services.authentication.domain.accounts.account import Account
from services.authentication.domain.accounts.usernames import lookup_key
from services.authentication.domain.email.emails import Email, EmailKind
from services.authentication.domain.sessions.session import EndReason
from services.authentication.ports.work import Begin, View, Writer
from services.authentication.usecases.sessions.own_sessions import RequireSession


class DeleteAccount:
    def __init__(self, *, view: View, work: Begin, require_session: RequireSession, clock: Clock) -> None:
        self._view = view
        self._work = work
        self._require_session = require_session
        self._clock = clock

    async def __call__(self, session_secret: str, typed_username: str) -> None:
        """Erases all data of the user except the id, which is never reassigned. Other services react to the event.

        Raises:
            AccessDenied: SESSION_MISSING, REAUTHENTICATION_REQUIRED.
            InvalidRequest: USERNAME_MISMATCH.
        """
        async with self._view() as view:
            account = (await self._require_session.recently(view, session_secret)).account
        typed = lookup_key(typed_username)
        if typed is None or typed != lookup_key(account.username):
            raise InvalidRequest(
                "username does not match the username of the account.", reason=Reason.USERNAME_MISMATCH
            )
        now = self._clock.now()
        async with self._work() as work:
            erased = await erase_account(work, account.id, actor=events.user(account.id), now=now)
            if erased and (farewell := _farewell(account)):
                await work.emails.post(farewell, now=now)


async def erase_account(work: Writer, user_id: str, *, actor: Actor, now: datetime) -> bool:
    """Ends the sessions and erases all data of the account except its id. False if it is already deleted."""
    reason = EndReason.ACCOUNT_DELETED
    await work.accounts.lock(user_id)
    ended = await work.sessions.end_all_of(user_id, reason=reason, now=now)
    if not await work.accounts.erase(user_id):
        return False
    work.emit(*events.sessions_ended(ended, reason, actor=actor))
    work.emit(events.account_deleted(user_id, actor=actor))
    return True


def _farewell(account: Account) -> Email | None:
    """To the address that was the account's: by then there is no account that it could be looked up in."""
    profile = account.profile
    if not profile.email:
        return None
    words = {"name": account.display_name, "account": account.username}
    return Email(kind=EmailKind.ACCOUNT_DELETED, address=profile.email, locale=profile.locale or "", words=words)

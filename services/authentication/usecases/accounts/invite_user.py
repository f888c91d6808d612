"""An operator invites a user, who sets the password with the link in an email."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from libs.crypto.random import uuid7
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.accounts.account import Account, AccountState
from services.authentication.domain.accounts.claim_rules import parse_profile
from services.authentication.domain.accounts.email_addresses import check_address
from services.authentication.domain.accounts.usernames import check_username
from services.authentication.domain.email.emails import Email, EmailKind
from services.authentication.ports.work import Begin

NO_PASSWORD = ""
"""What is stored for who has none yet: no password has this hash."""


@dataclass(frozen=True)
class Invitation:
    """What an operator asks for; nothing in it has been judged."""

    username: str
    claims: Mapping[str, object] = field(default_factory=dict, repr=False)
    locale: str = ""


class InviteUser:
    def __init__(self, *, work: Begin, has_mail: bool, clock: Clock) -> None:
        self._work = work
        self._has_mail = has_mail
        self._clock = clock

    async def __call__(self, unverified: Invitation, *, operator: str) -> Account:
        """Creates an account without a password and sends the invitation.

        Raises:
            InvalidRequest: NO_MAIL, USERNAME_TAKEN, ADDRESS_MALFORMED (also when it is missing), or the username or a
                claim is invalid.
        """
        if not self._has_mail:
            raise InvalidRequest("Email is not configured: set LATCHKEY_SMTP_HOST.", reason=Reason.NO_MAIL)
        now = self._clock.now()
        username, username_key = check_username(unverified.username)
        profile = parse_profile(unverified.claims, today=now.date())
        check_address(profile.email or "")
        account = Account(
            id=uuid7(now),
            username=username,
            state=AccountState.ACTIVE,
            profile=profile,
            created_at=now,
            profile_updated_at=now,
        )
        async with self._work() as work:
            if not await work.accounts.add(account, username_key=username_key, password_hash=NO_PASSWORD):
                raise InvalidRequest("username is already in use.", reason=Reason.USERNAME_TAKEN)
            work.emit(events.account_created(account.id, actor=events.operator(operator)))
            email = Email(kind=EmailKind.INVITATION, user_id=account.id, locale=unverified.locale)
            await work.emails.queue([email], now=now)
        return account

"""A user requests a password reset."""

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication.domain.accounts.email_addresses import address_key
from services.authentication.domain.accounts.usernames import lookup_key
from services.authentication.domain.email.emails import Email, EmailKind
from services.authentication.domain.sessions.origin import Origin
from services.authentication.ports.work import Begin
from services.authentication.usecases.email.limit_emails import LimitEmails

MAX_ACCOUNTS = 5
"""With one address: families share one."""


class RequestPasswordReset:
    """Runs the same statements for known and unknown users: without an account an email without recipient is queued.

    The email task does later what differs: link, event and delivery.
    """

    def __init__(self, *, work: Begin, limit: LimitEmails, has_mail: bool, clock: Clock) -> None:
        self._work = work
        self._limit = limit
        self._has_mail = has_mail
        self._clock = clock

    async def __call__(self, identifier: str, *, locale: str, origin: Origin) -> None:
        """Posts an email with a link to each account that has this name, or this address.

        Raises:
            InvalidRequest: NO_MAIL.
            TemporarilyUnavailable: LETTERS_THROTTLED, for known and unknown users.
        """
        if not self._has_mail:
            raise InvalidRequest(
                "Email is not configured: set LATCHKEY_SMTP_HOST.", reason=Reason.NO_MAIL, redirectable=False
            )
        name, address = lookup_key(identifier), address_key(identifier)
        now = self._clock.now()
        async with self._work() as work:
            may = await self._limit(work, name or "", origin=origin, now=now)
            ids = await work.accounts.named(username_key=name, address_key=address, limit=MAX_ACCOUNTS)
            if may:
                emails = [
                    Email(kind=EmailKind.PASSWORD_RESET, user_id=user_id, locale=locale) for user_id in ids or [""]
                ]
                await work.emails.queue(emails, now=now)

"""An operator sends a user the email to reset the password."""

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication.domain.accounts.email_addresses import check_address
from services.authentication.domain.email.emails import Email, EmailKind
from services.authentication.ports.work import Begin
from services.authentication.usecases.accounts.find_user import find_user


class SendPasswordReset:
    def __init__(self, *, work: Begin, has_mail: bool, clock: Clock) -> None:
        self._work = work
        self._has_mail = has_mail
        self._clock = clock

    async def __call__(self, who: str, *, locale: str) -> None:
        """Queues the email. The current password stays valid until the user sets another one.

        Raises:
            InvalidRequest: NO_MAIL, USER_UNKNOWN, USER_AMBIGUOUS, ACCOUNT_DISABLED, ADDRESS_MALFORMED (also when the
                user has no address).
        """
        if not self._has_mail:
            raise InvalidRequest("Email is not configured: set LATCHKEY_SMTP_HOST.", reason=Reason.NO_MAIL)
        async with self._work() as work:
            account = await find_user(work.accounts, who)
            if not account.active:
                raise InvalidRequest("The user is disabled: enable the user first.", reason=Reason.ACCOUNT_DISABLED)
            check_address(account.profile.email or "")
            email = Email(kind=EmailKind.PASSWORD_RESET, user_id=account.id, locale=locale)
            await work.emails.queue([email], now=self._clock.now())

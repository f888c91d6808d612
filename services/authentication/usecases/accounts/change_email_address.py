"""A user verifies or changes the email address."""

from dataclasses import dataclass, replace
from datetime import datetime

from libs.crypto.hashing import secret_hash
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.accounts.account import Account
from services.authentication.domain.accounts.email_addresses import address_key, check_address
from services.authentication.domain.email.emails import Email, EmailKind
from services.authentication.domain.email.links import LinkPurpose, MailedLink
from services.authentication.domain.sessions.origin import Origin
from services.authentication.ports.work import Begin, Reader, View, Writer
from services.authentication.usecases.accounts.reset_password import link_unknown
from services.authentication.usecases.email.limit_emails import LimitEmails
from services.authentication.usecases.sessions.own_sessions import RequireSession

_PURPOSE = LinkPurpose.ADDRESS
_FORMER = "former"


@dataclass(frozen=True)
class OwnAddress:
    address: str
    verified: bool


class GetOwnAddress:
    def __init__(self, *, view: View, require_session: RequireSession) -> None:
        self._view = view
        self._require_session = require_session

    async def __call__(self, session_secret: str) -> OwnAddress:
        """Raises AccessDenied: SESSION_MISSING."""
        async with self._view() as view:
            profile = (await self._require_session(view, session_secret)).account.profile
        return OwnAddress(profile.email or "", verified=bool(profile.email_verified))


class RequestAddress:
    def __init__(
        self,
        *,
        view: View,
        work: Begin,
        require_session: RequireSession,
        limit: LimitEmails,
        has_mail: bool,
        clock: Clock,
    ) -> None:
        self._view = view
        self._work = work
        self._require_session = require_session
        self._limit = limit
        self._has_mail = has_mail
        self._clock = clock

    async def __call__(self, session_secret: str, typed: str, *, locale: str, origin: Origin) -> None:
        """Posts an email with a link to the address; empty is the present one. Until the link is used nothing changes.

        Raises:
            AccessDenied: SESSION_MISSING, REAUTHENTICATION_REQUIRED.
            InvalidRequest: NO_MAIL, ADDRESS_MALFORMED.
            TemporarilyUnavailable: LETTERS_THROTTLED.
        """
        if not self._has_mail:
            raise InvalidRequest(
                "Email is not configured: set LATCHKEY_SMTP_HOST.", reason=Reason.NO_MAIL, redirectable=False
            )
        async with self._view() as view:
            account = (await self._require_session.recently(view, session_secret)).account
        address = check_address(typed or account.profile.email or "")
        now = self._clock.now()
        async with self._work() as work:
            if await self._limit(work, address_key(address) or "", origin=origin, now=now):
                await self._post(work, account, address, locale=locale, now=now)

    async def _post(self, work: Writer, account: Account, address: str, *, locale: str, now: datetime) -> None:
        email = Email(kind=EmailKind.ADDRESS, user_id=account.id, address=address, locale=locale)
        link = MailedLink(
            link_id=await work.emails.post(email, now=now),
            purpose=_PURPOSE,
            user_id=account.id,
            address=address,
            details={_FORMER: account.profile.email or ""},
            created_at=now,
            expires_at=now,  # it begins to work when the email is sent
        )
        await work.links.put(link, secret_hash=None)


class FindAddressRequest:
    def __init__(self, *, view: View, require_session: RequireSession, clock: Clock) -> None:
        self._view = view
        self._require_session = require_session
        self._clock = clock

    async def __call__(self, session_secret: str, token: str) -> str:
        """The address that the link is about. Raises AccessDenied: SESSION_MISSING; InvalidRequest: LINK_UNKNOWN."""
        async with self._view() as view:
            return (await self.among(view, session_secret, token))[1].address

    async def among(self, view: Reader, session_secret: str, token: str) -> tuple[Account, MailedLink]:
        """The link, if the signed-in user requested it and the account is unchanged."""
        account = (await self._require_session(view, session_secret)).account
        link = await view.links.find(secret_hash(token), _PURPOSE)
        if link is None or not link.open(now=self._clock.now()) or not _still(link, account):
            raise link_unknown()
        return account, link


class ConfirmAddress:
    def __init__(self, *, view: View, work: Begin, find: FindAddressRequest, clock: Clock) -> None:
        self._view = view
        self._work = work
        self._find = find
        self._clock = clock

    async def __call__(self, session_secret: str, token: str) -> None:
        """Sets the verified address and notifies the former one. A refusal does not consume the link.

        Raises as FindAddressRequest, and InvalidRequest: ADDRESS_TAKEN.
        """
        async with self._view() as view:
            await self._find.among(view, session_secret, token)
        now = self._clock.now()
        async with self._work() as work:
            link = await work.links.use(secret_hash(token), _PURPOSE, now=now)
            found = await work.accounts.lock_account(link.user_id) if link else None
            if link is None or found is None or not _still(link, found):
                raise link_unknown()
            profile = replace(found.profile, email=link.address, email_verified=True)
            await work.accounts.set_profile(found.id, profile, now=now)
            names = ["email", "email_verified"] if found.profile.email != link.address else ["email_verified"]
            work.emit(*events.email_verified(found.id, names))
            former = link.details.get(_FORMER, "")
            if former and former != link.address:
                email = Email(kind=EmailKind.ADDRESS_CHANGED, user_id=found.id, address=former)
                await work.emails.post(email, now=now)


def _still(link: MailedLink, account: Account) -> bool:
    """It is their link, and the account has the address that it had when they asked."""
    former = account.profile.email or ""
    return account.active and link.user_id == account.id and link.details.get(_FORMER, "") == former

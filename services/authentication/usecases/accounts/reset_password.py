"""A user chooses another password with the link from an email."""

from dataclasses import replace
from datetime import datetime

from libs.crypto.hashing import secret_hash
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.accounts.account import Account, Credentials
from services.authentication.domain.accounts.email_addresses import address_key, writable
from services.authentication.domain.email.emails import Email, EmailKind
from services.authentication.domain.email.links import LinkPurpose, MailedLink
from services.authentication.domain.sessions.session import EndReason
from services.authentication.ports.sign_in import PasswordHasher, PasswordPolicy
from services.authentication.ports.work import Begin, Reader, View, Writer

_PURPOSE = LinkPurpose.PASSWORD_RESET


def link_unknown() -> InvalidRequest:
    """The same for a link that never was, was used, has expired, or is about what has changed since."""
    return InvalidRequest(
        "The link is unknown, already used or expired.", reason=Reason.LINK_UNKNOWN, redirectable=False
    )


class FindPasswordReset:
    def __init__(self, *, view: View, clock: Clock) -> None:
        self._view = view
        self._clock = clock

    async def __call__(self, token: str) -> Account:
        """Whose password the link is about; looking changes nothing. Raises InvalidRequest: LINK_UNKNOWN."""
        async with self._view() as view:
            _, (account, _) = await self.among(view, token)
        return account

    async def among(self, view: Reader, token: str) -> tuple[MailedLink, tuple[Account, Credentials]]:
        """The link and its account, while both are as they were when the email was sent. Raises InvalidRequest."""
        link = await view.links.find(secret_hash(token), _PURPOSE)
        found = await view.accounts.with_credentials(link.user_id) if link else None
        if link is None or found is None or not link.open(now=self._clock.now()) or not _still(link, *found):
            raise link_unknown()
        return link, found


class ResetPassword:
    """Requires the link from the email only. A sign-in still requires the second factor."""

    def __init__(
        self,
        *,
        view: View,
        work: Begin,
        find: FindPasswordReset,
        passwords: PasswordHasher,
        policy: PasswordPolicy,
        clock: Clock,
    ) -> None:
        self._view = view
        self._work = work
        self._find = find
        self._passwords = passwords
        self._policy = policy
        self._clock = clock

    async def __call__(self, token: str, new: str) -> None:
        """Sets the password, ends all sessions and notifies the user by email.

        An invalid password does not use up the link.

        Raises:
            InvalidRequest: LINK_UNKNOWN, or an invalid new password.
            TemporarilyUnavailable: too much waits to be hashed.
        """
        async with self._view() as view:
            _, (account, _) = await self._find.among(view, token)
        accepted = await self._policy(new, about=account.words)
        password_hash = await self._passwords.hash(new)
        now = self._clock.now()
        async with self._work() as work:
            link = await work.links.use(secret_hash(token), _PURPOSE, now=now)
            if link is None:
                raise link_unknown()
            await self._change(work, link, password_hash, now=now)
            await work.accounts.refuse_earlier_grants(link.user_id, now=now)
            ended = await work.sessions.end_all_of(link.user_id, reason=EndReason.PASSWORD_CHANGED, now=now)
            work.emit(*events.password_reset(link.user_id), *events.password_unchecked(link.user_id, accepted))
            work.emit(*events.sessions_ended(ended, EndReason.PASSWORD_CHANGED, actor=events.user(link.user_id)))
            await work.emails.post(Email(kind=EmailKind.PASSWORD_CHANGED, user_id=link.user_id), now=now)

    async def _change(self, work: Writer, link: MailedLink, password_hash: str, *, now: datetime) -> None:
        """Raises InvalidRequest, which undoes the use of the link, when the account has changed in the last moment."""
        await work.accounts.lock(link.user_id)
        found = await work.accounts.with_credentials(link.user_id)
        if found is None or not _still(link, *found):
            raise link_unknown()
        await work.accounts.change_password(link.user_id, password_hash)
        profile = found[0].profile
        key = address_key(profile.email)
        # Who has the link has the mailbox. An address that another account has verified stays unverified here.
        if key and not profile.email_verified and await work.accounts.is_address_free(key, user_id=link.user_id):
            verified = replace(profile, email=writable(profile.email) or profile.email, email_verified=True)
            await work.accounts.set_profile(link.user_id, verified, now=now)
            work.emit(*events.email_verified(link.user_id, ["email_verified"]))


def _still(link: MailedLink, account: Account, credentials: Credentials) -> bool:
    """The account is active, and has the address that the email went to and the password that was forgotten."""
    return (
        account.active
        and account.profile.email == link.address
        and credentials.password_version == link.password_version
    )

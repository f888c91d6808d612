"""Emails to users: their kinds, and for how long sending is retried."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from libs.backoff import Backoff
from services.authentication.domain.email.links import INVITATION_LIFETIME, LIFETIME, LinkPurpose

LEASE = timedelta(minutes=2)
"""How long a replica owns an attempt; longer than any attempt takes."""
BACKOFF = Backoff(first_pause=timedelta(seconds=10), max_pause=timedelta(hours=1))
PATIENCE = timedelta(days=1)
PATIENCE_WITH_LINK = timedelta(hours=1)
"""The user is waiting for it, so it is not sent a day later."""
KEEP = timedelta(days=7)
"""How long the outcome of an email is kept. Its content is erased when it is settled."""


class EmailKind(StrEnum):
    """Each kind has a template of the same name in `emails/`."""

    PASSWORD_RESET = "password-reset"
    PASSWORD_CHANGED = "password-changed"
    ACCOUNT_DELETED = "account-deleted"
    """Words: `name` of the user and `account`, because the account no longer exists."""
    INVITATION = "invitation"
    """To the owner of an account that an operator created. The link sets the first password."""
    SIGN_UP = "sign-up"
    SIGN_UP_TAKEN = "sign-up-taken"
    """To the owner of an existing account with the address."""
    ADDRESS = "address"
    """To an address that the user wants to verify."""
    ADDRESS_CHANGED = "address-changed"
    """To the former address."""
    FACTOR_ADDED = "factor-added"
    """Words: `factor` (totp, passkey, recovery-codes) and, for a passkey, its `name`."""
    FACTOR_REMOVED = "factor-removed"
    """Words as of FACTOR_ADDED."""

    @property
    def link(self) -> LinkPurpose | None:
        """What its link is for; None when it has none."""
        return _LINKS.get(self)

    @property
    def link_lifetime(self) -> timedelta:
        """Of its link, from the sending on."""
        return INVITATION_LIFETIME if self is EmailKind.INVITATION else LIFETIME

    @property
    def patience(self) -> timedelta:
        """For how long sending is retried."""
        return PATIENCE if self.link is None or self is EmailKind.INVITATION else PATIENCE_WITH_LINK


_LINKS: Mapping[EmailKind, LinkPurpose] = {
    EmailKind.PASSWORD_RESET: LinkPurpose.PASSWORD_RESET,
    EmailKind.INVITATION: LinkPurpose.PASSWORD_RESET,
    EmailKind.SIGN_UP: LinkPurpose.SIGN_UP,
    EmailKind.ADDRESS: LinkPurpose.ADDRESS,
}


class Outcome(StrEnum):
    """The outcome of an email."""

    SENT = "sent"
    REFUSED = "refused"
    """The mail server rejected it permanently."""
    GIVEN_UP = "given_up"
    NO_RECIPIENT = "nobody"
    """There is no recipient, or no longer one."""
    NO_MAIL = "no_mail"
    """This installation sends no mail."""


@dataclass(frozen=True, kw_only=True)
class Email:
    """An email to a user. It is sent only if the transaction that posts it commits."""

    kind: EmailKind
    user_id: str = ""
    """Whose account it is about; empty when there is no account (yet)."""
    address: str = ""
    """Empty: the account's own."""
    locale: str = ""
    """The language that the user used; empty: the profile's."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Template variables. Never a secret: the link is created when the email is sent."""


@dataclass(frozen=True, kw_only=True)
class QueuedEmail:
    """An email in the queue."""

    letter_id: str
    email: Email
    posted_at: datetime
    attempts: int = 0
    """Begun, this one included."""

    def next_try(self, *, now: datetime) -> datetime | Outcome:
        """When to try again after an attempt that failed, or that it is not worth it any more."""
        after = now + BACKOFF.pause_after(self.attempts)
        return Outcome.GIVEN_UP if after > self.posted_at + self.email.kind.patience else after

    def too_late(self, *, now: datetime) -> bool:
        return now > self.posted_at + self.email.kind.patience

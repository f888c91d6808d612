"""Letters to users: what they are about, and how long they are worth sending."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from libs.backoff import Backoff
from services.authentication.domain.email.links import INVITATION_LIFETIME, LIFETIME, LinkPurpose

LEASE = timedelta(minutes=2)
"""For so long an attempt belongs to the replica that began it; longer than any attempt takes."""
BACKOFF = Backoff(first_pause=timedelta(seconds=10), max_pause=timedelta(hours=1))
PATIENCE = timedelta(days=1)
PATIENCE_WITH_LINK = timedelta(hours=1)
"""Somebody waits for it in front of a page; a day later it would be a riddle."""
KEEP = timedelta(days=7)
"""How long there is a row that says what came of an email; what it said is gone when it is settled."""


class EmailKind(StrEnum):
    """Each has a template of its name in `letters/`."""

    PASSWORD_RESET = "password-reset"
    PASSWORD_CHANGED = "password-changed"
    ACCOUNT_DELETED = "account-deleted"
    """Words: `name` of the user and of the `account`, which nobody can look up any more."""
    INVITATION = "invitation"
    """To somebody for whom an operator made an account: its link leads to a first password."""
    SIGN_UP = "sign-up"
    SIGN_UP_TAKEN = "sign-up-taken"
    """To somebody who has an account with the address already."""
    ADDRESS = "address"
    """To an address that a user says is theirs."""
    ADDRESS_CHANGED = "address-changed"
    """To the one that was theirs."""
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
        """For so long after its time it is still tried."""
        return PATIENCE if self.link is None or self is EmailKind.INVITATION else PATIENCE_WITH_LINK


_LINKS: Mapping[EmailKind, LinkPurpose] = {
    EmailKind.PASSWORD_RESET: LinkPurpose.PASSWORD_RESET,
    EmailKind.INVITATION: LinkPurpose.PASSWORD_RESET,
    EmailKind.SIGN_UP: LinkPurpose.SIGN_UP,
    EmailKind.ADDRESS: LinkPurpose.ADDRESS,
}


class Outcome(StrEnum):
    """What became of an email."""

    SENT = "sent"
    REFUSED = "refused"
    """Its receiver's server does not take it, and never will."""
    GIVEN_UP = "given_up"
    NO_RECIPIENT = "nobody"
    """There is nobody, or no longer anybody, whom it is for."""
    NO_MAIL = "no_mail"
    """This installation sends no mail."""


@dataclass(frozen=True, kw_only=True)
class Email:
    """What a use case has to say to a user. It is sent when, and only if, the transaction that posts it commits."""

    kind: EmailKind
    user_id: str = ""
    """Whose account it is about; empty when there is no account (yet)."""
    address: str = ""
    """Empty: the account's own."""
    locale: str = ""
    """The language that the user used; empty: the profile's."""
    words: Mapping[str, str] = field(default_factory=dict)
    """What its template says beside the person's name. Never a secret: a link is made when the email is sent."""


@dataclass(frozen=True, kw_only=True)
class QueuedEmail:
    """An email on its way."""

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

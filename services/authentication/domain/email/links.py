"""Links in emails: each opens one thing, once, for a short while, and only for the address that it was sent to.

The secret of a link is made in the moment in which its email is sent, and nothing but its digest is ever stored: a
reader of the database finds no link that works.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

LIFETIME = timedelta(minutes=30)
"""From the sending on."""
INVITATION_LIFETIME = timedelta(days=3)
"""Longer than LIFETIME: an invited user does not expect the email, and the account is still empty."""


class LinkPurpose(StrEnum):
    PASSWORD_RESET = "password-reset"
    ADDRESS = "address"
    """The user shows that they get what is sent to it."""

    SIGN_UP = "sign-up"

    @property
    def path(self) -> str:
        """Where it leads, under the issuer."""
        return _PATHS[self]


_PATHS: Mapping[LinkPurpose, str] = {
    LinkPurpose.PASSWORD_RESET: "/password/reset",
    LinkPurpose.ADDRESS: "/account/address/confirm",
    LinkPurpose.SIGN_UP: "/sign-up/complete",
}


@dataclass(frozen=True, kw_only=True)
class MailedLink:
    link_id: str
    """That of its email: there is one link in an email, and one that works however often the email was tried."""
    purpose: LinkPurpose
    user_id: str = ""
    address: str
    """Where the email went."""
    password_version: int | None = None
    """Of the account, when the link is worth nothing after another change of the password."""
    details: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None

    def open(self, *, now: datetime) -> bool:
        return self.used_at is None and now < self.expires_at

"""Repositories of queued emails, mailed links and tallies, and the mailer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from libs.servicekit.base.limits import Tally
from services.authentication.domain.accounts.account import Account
from services.authentication.domain.email.emails import Email, Outcome, QueuedEmail
from services.authentication.domain.email.links import LinkPurpose, MailedLink


class EmailWriter(Protocol):
    async def post(self, email: Email, *, now: datetime) -> str:
        """Queue an email to its address or to the current address of the account. Returns its id.

        The id is empty, and no email is queued, if there is no valid address.
        """

    async def queue(self, emails: Sequence[Email], *, now: datetime) -> Sequence[str]:
        """Queues emails in one statement. The recipients are looked up when the emails are sent."""

    async def claim(self, *, limit: int, now: datetime) -> Sequence[QueuedEmail]:
        """Claim emails that are due, the longest due first. No other caller gets them until the lease ends."""

    async def postpone(self, posted: QueuedEmail, *, until: datetime) -> bool:
        """False if the lease has ended and another replica has begun an attempt."""

    async def settle(self, posted: QueuedEmail, outcome: Outcome) -> bool:
        """As `postpone`. Deletes the address and the variables; the row stays until it expires."""

    async def forget(self, *, now: datetime, limit: int) -> int:
        """Delete at most `limit` expired rows. Returns the number of deleted rows."""


class LinkReader(Protocol):
    async def find(self, secret_hash: bytes, purpose: LinkPurpose) -> MailedLink | None:
        """Return the link of a secret, also when it is used or expired."""


class LinkWriter(LinkReader, Protocol):
    async def put(self, link: MailedLink, *, secret_hash: bytes | None) -> None:
        """Store a link. If its id exists, only the secret and the expiry are replaced."""

    async def get(self, link_id: str) -> MailedLink | None: ...

    async def use(self, secret_hash: bytes, purpose: LinkPurpose, *, now: datetime) -> MailedLink | None:
        """Consume the link: only one caller gets it. None if it is unknown, used or expired."""

    async def forget(self, *, before: datetime, limit: int) -> int:
        """Delete at most `limit` links that expired before then. Returns the number of deleted links."""


class TallyWriter(Protocol):
    """Counts of requests within a window: libs/servicekit/sql/tallies.py."""

    async def read(self, keys: Iterable[str]) -> Mapping[str, Tally]: ...

    async def add(self, keys: Iterable[str], *, window: timedelta, now: datetime) -> Mapping[str, Tally]: ...

    async def forget(self, *, began_before: datetime, limit: int) -> int: ...


@dataclass(frozen=True)
class Mail:
    """An email as it is sent."""

    letter_id: str
    address: str
    locale: str
    subject: str
    text: str
    html: str


class MailRefusedError(Exception):
    """The mail server did not accept an email. `for_good`: permanently. The message contains no address."""

    def __init__(self, cause: str, *, for_good: bool) -> None:
        super().__init__(cause)
        self.for_good = for_good


class Mailer(Protocol):
    async def send(self, mail: Mail, *, now: datetime) -> None:
        """Return when the mail server has accepted the email. Raises MailRefusedError."""


class Compose(Protocol):
    def __call__(self, posted: QueuedEmail, *, address: str, account: Account | None, link: str) -> Mail:
        """Render an email. `link`: a URL, or empty for an email without a link."""

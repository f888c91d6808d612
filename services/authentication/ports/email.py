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
        """Sends it after the commit, to the address that it names or that the account has now; its id.

        An account without an address that can be written to gets none, and the id is empty.
        """

    async def queue(self, emails: Sequence[Email], *, now: datetime) -> Sequence[str]:
        """Queues emails in one statement. The recipients are looked up when the emails are sent."""

    async def claim(self, *, limit: int, now: datetime) -> Sequence[QueuedEmail]:
        """Letters that are due, each for exactly one caller until its lease ends; the longest due first."""

    async def postpone(self, posted: QueuedEmail, *, until: datetime) -> bool:
        """False if the lease has ended and another replica has begun an attempt."""

    async def settle(self, posted: QueuedEmail, outcome: Outcome) -> bool:
        """As `postpone`. What it said and to whom is forgotten; the row stays for a while."""

    async def forget(self, *, now: datetime, limit: int) -> int:
        """Deletes at most `limit` that have been kept long enough; how many it was."""


class LinkReader(Protocol):
    async def find(self, secret_hash: bytes, purpose: LinkPurpose) -> MailedLink | None:
        """The link behind a secret, whether or not it can still be used. Looking changes nothing."""


class LinkWriter(LinkReader, Protocol):
    async def put(self, link: MailedLink, *, secret_hash: bytes | None) -> None:
        """Keeps it. Once more with the same id: another secret and another end; what it opens stays as it was."""

    async def get(self, link_id: str) -> MailedLink | None: ...

    async def use(self, secret_hash: bytes, purpose: LinkPurpose, *, now: datetime) -> MailedLink | None:
        """The link, for one caller alone; None when there is none that can be used now."""

    async def forget(self, *, before: datetime, limit: int) -> int:
        """Deletes at most `limit` that ended before then; how many it was."""


class TallyWriter(Protocol):
    """How often something happened within a window: libs/servicekit/sql/tallies.py."""

    async def read(self, keys: Iterable[str]) -> Mapping[str, Tally]: ...

    async def add(self, keys: Iterable[str], *, window: timedelta, now: datetime) -> Mapping[str, Tally]: ...

    async def forget(self, *, began_before: datetime, limit: int) -> int: ...


@dataclass(frozen=True)
class Mail:
    """One email as it goes out."""

    letter_id: str
    address: str
    locale: str
    subject: str
    text: str
    html: str


class MailRefusedError(Exception):
    """An email was not taken. `for_good`: it never will be. The message names no address."""

    def __init__(self, cause: str, *, for_good: bool) -> None:
        super().__init__(cause)
        self.for_good = for_good


class Mailer(Protocol):
    async def send(self, mail: Mail, *, now: datetime) -> None:
        """Returns when the mail server has taken it. Raises MailRefusedError."""


class Compose(Protocol):
    def __call__(self, posted: QueuedEmail, *, address: str, account: Account | None, link: str) -> Mail:
        """The email in words. `link`: a URL, or empty where there is none."""

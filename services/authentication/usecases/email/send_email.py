"""Sends a queued email. The secret of its link is created here, so that the queue contains no secret."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from libs.crypto.hashing import secret_hash
from libs.crypto.random import new_secret
from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.accounts.account import Account, Credentials
from services.authentication.domain.accounts.email_addresses import writable
from services.authentication.domain.email.emails import EmailKind, Outcome, QueuedEmail
from services.authentication.domain.email.links import LinkPurpose, MailedLink
from services.authentication.ports.email import Compose, Mailer, MailRefusedError
from services.authentication.ports.work import Begin, Writer

_log = logs.get(__name__)


@dataclass(frozen=True)
class _Addressed:
    """An email with its recipient."""

    address: str
    account: Account | None
    link: str


class SendEmail:
    def __init__(self, *, work: Begin, compose: Compose, mailer: Mailer | None, issuer: str, clock: Clock) -> None:
        self._work = work
        self._compose = compose
        self._mailer = mailer
        self._issuer = issuer
        self._clock = clock

    async def claim(self, *, limit: int) -> Sequence[QueuedEmail]:
        """Claim emails that are due. No other caller gets them until the lease ends."""
        async with self._work() as work:
            return await work.emails.claim(limit=limit, now=self._clock.now())

    async def __call__(self, posted: QueuedEmail) -> Outcome | None:
        """Try once to send an email, and store the outcome. None if it is retried later.

        Raises:
            TemporarilyUnavailable: the database is unavailable; the email is retried after the lease.
        """
        outcome = await self._try(posted)
        async with self._work() as work:
            next_try = posted.next_try(now=self._clock.now()) if outcome is None else outcome
            if isinstance(next_try, Outcome):
                outcome = next_try
                await work.emails.settle(posted, next_try)
            else:
                await work.emails.postpone(posted, until=next_try)
        return outcome

    async def _try(self, posted: QueuedEmail) -> Outcome | None:
        if self._mailer is None:
            return Outcome.NO_MAIL
        if posted.too_late(now=self._clock.now()):
            return Outcome.GIVEN_UP
        addressed = await self._address(posted)
        if addressed is None:
            return Outcome.NO_RECIPIENT
        mail = self._compose(posted, address=addressed.address, account=addressed.account, link=addressed.link)
        try:
            await self._mailer.send(mail, now=self._clock.now())
        except MailRefusedError as refusal:
            _log.warning(
                "email.rejected",
                message="The mail server did not accept an email",
                kind=posted.email.kind.value,
                cause=str(refusal),
                for_good=refusal.for_good,
            )
            return Outcome.REFUSED if refusal.for_good else None
        return Outcome.SENT

    async def _address(self, posted: QueuedEmail) -> _Addressed | None:
        """The recipient and a new link; None if there is no recipient."""
        email = posted.email
        async with self._work() as work:
            found = await work.accounts.with_credentials(email.user_id) if email.user_id else None
            if email.user_id and (found is None or not found[0].active):
                return None
            account = found[0] if found else None
            known = email.address or (account.profile.email if account else None)
            address = writable(known)
            if known is None or address is None:
                return None
            link = await self._link(work, posted, new=_new_link(posted, known, found))
        return None if link is None else _Addressed(address, account, link)

    async def _link(self, work: Writer, posted: QueuedEmail, *, new: MailedLink | None) -> str | None:
        """Return the URL for this attempt: empty for an email without a link, None if the link is used or missing."""
        purpose = posted.email.kind.link
        if purpose is None:
            return ""
        known = await work.links.get(posted.letter_id)
        if known is None and posted.email.kind is EmailKind.PASSWORD_RESET:
            work.emit(events.password_reset_requested(posted.email.user_id))
        link = known or new
        if link is None or link.used_at is not None:
            return None
        secret = new_secret()
        link = replace(link, expires_at=self._clock.now() + posted.email.kind.link_lifetime)
        await work.links.put(link, secret_hash=secret_hash(secret))
        return f"{self._issuer}{purpose.path}?token={secret}"


def _new_link(posted: QueuedEmail, address: str, found: tuple[Account, Credentials] | None) -> MailedLink | None:
    """Creates the link of an email that has none yet."""
    purpose = posted.email.kind.link
    if purpose is None or (purpose is LinkPurpose.PASSWORD_RESET) != (found is not None):
        return None
    return MailedLink(
        link_id=posted.letter_id,
        purpose=purpose,
        user_id=posted.email.user_id,
        address=address,
        password_version=found[1].password_version if found else None,
        created_at=posted.posted_at,
        expires_at=posted.posted_at,
    )

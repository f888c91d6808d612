"""Emails of the development run: an SMTP server on loopback and a page that shows the emails."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session
from markupsafe import Markup

from deploy.playground.pages import Pages

PATH = "/mail"
LOOPBACK = "127.0.0.1"
_KEPT = 100
_LINK = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True)
class ReceivedEmail:
    number: int
    receiver: str
    sender: str
    subject: str
    text: str
    at: datetime


class Mailbox:
    """The latest emails to all recipients, in memory. `port` None: no mail server."""

    def __init__(self, port: int | None, *, now: Callable[[], datetime]) -> None:
        self.emails: deque[ReceivedEmail] = deque(maxlen=_KEPT)
        """Newest first."""
        self._port = port
        self._now = now
        self._numbers = count(1)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        content = envelope.content or b""
        email = message_from_bytes(content if isinstance(content, bytes) else content.encode(), policy=policy.default)
        body = email.get_body(("plain",)) if isinstance(email, EmailMessage) else None
        self.emails.appendleft(
            ReceivedEmail(
                number=next(self._numbers),
                receiver=", ".join(envelope.rcpt_tos),
                sender=str(email["From"] or envelope.mail_from),
                subject=str(email["Subject"] or ""),
                text=str(body.get_content()) if isinstance(body, EmailMessage) else "",
                at=self._now(),
            )
        )
        return "250 OK"

    async def serve(self, _app: web.Application) -> AsyncIterator[None]:
        """Receive emails while the application runs."""
        if self._port is None:
            yield
            return
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(self, hostname="localhost"), LOOPBACK, self._port)
        yield
        server.close()


class MailPage:
    def __init__(self, pages: Pages, mailbox: Mailbox) -> None:
        self._pages = pages
        self._mailbox = mailbox

    async def show(self, request: web.Request) -> web.Response:
        """Show all emails, or those to the address in the parameter `to`."""
        receiver = request.query.get("to", "")
        emails = [email for email in self._mailbox.emails if receiver in {"", email.receiver}]
        return self._pages.page("mail.html", emails=emails, receiver=receiver, linked=linked)


def linked(text: str) -> Markup:
    """The text with its addresses as links; everything is escaped."""
    pieces = []
    end = 0
    for found in _LINK.finditer(text):
        pieces.append(Markup("{}").format(text[end : found.start()]))
        pieces.append(Markup('<a href="{0}">{0}</a>').format(found[0]))
        end = found.end()
    return Markup().join([*pieces, Markup("{}").format(text[end:])])

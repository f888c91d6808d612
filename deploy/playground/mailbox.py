"""The letters that the run sends: a real mail server on loopback whose mailboxes are one page."""

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
class ReceivedLetter:
    number: int
    receiver: str
    sender: str
    subject: str
    text: str
    at: datetime


class Mailbox:
    """The last letters, whomever they are to, until the playground stops. `port` None: there is no mail server."""

    def __init__(self, port: int | None, *, now: Callable[[], datetime]) -> None:
        self.letters: deque[ReceivedLetter] = deque(maxlen=_KEPT)
        """Newest first."""
        self._port = port
        self._now = now
        self._numbers = count(1)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        content = envelope.content or b""
        letter = message_from_bytes(content if isinstance(content, bytes) else content.encode(), policy=policy.default)
        body = letter.get_body(("plain",)) if isinstance(letter, EmailMessage) else None
        self.letters.appendleft(
            ReceivedLetter(
                number=next(self._numbers),
                receiver=", ".join(envelope.rcpt_tos),
                sender=str(letter["From"] or envelope.mail_from),
                subject=str(letter["Subject"] or ""),
                text=str(body.get_content()) if isinstance(body, EmailMessage) else "",
                at=self._now(),
            )
        )
        return "250 OK"

    async def serve(self, _app: web.Application) -> AsyncIterator[None]:
        """Takes letters while the application runs."""
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
        """Every letter that there is; `to` narrows it to one address."""
        receiver = request.query.get("to", "")
        letters = [letter for letter in self._mailbox.letters if receiver in {"", letter.receiver}]
        return self._pages.page("mail.html", letters=letters, receiver=receiver, linked=linked)


def linked(text: str) -> Markup:
    """The text with its addresses as links; everything is escaped."""
    pieces = []
    end = 0
    for found in _LINK.finditer(text):
        pieces.append(Markup("{}").format(text[end : found.start()]))
        pieces.append(Markup('<a href="{0}">{0}</a>').format(found[0]))
        end = found.end()
    return Markup().join([*pieces, Markup("{}").format(text[end:])])

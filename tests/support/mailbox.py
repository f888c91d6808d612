"""An SMTP server on loopback that stores emails, or refuses them as a test sets."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

HOST = "127.0.0.1"


@dataclass
class Mailbox:
    """`refusals`: responses to the next RCPT commands, for example "550 no such user"."""

    port: int = 0
    emails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    signed_in_with: list[tuple[str, str]] = field(default_factory=list)
    under_tls: list[bool] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.refusals:
            return self.refusals.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        email = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(email, EmailMessage)
        self.emails.append(email)
        self._news.set()
        self.envelopes.append(envelope)
        self.under_tls.append(session.ssl is not None)
        return "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        return [email for email in self.emails if email["To"] == address]

    async def next_to(self, address: str, *, seconds: float = 20) -> EmailMessage:
        """Removes and returns the next email to an address. Raises TimeoutError when none arrives."""
        async with asyncio.timeout(seconds):
            while not self.to(address):
                self._news.clear()
                await self._news.wait()
        email = self.to(address)[0]
        self.emails.remove(email)
        return email


def text_of(email: EmailMessage) -> str:
    body = email.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def link_in(email: EmailMessage) -> str:
    (link,) = re.findall(r"https?://\S+\?token=\S+", text_of(email))
    return str(link)


def token_in(email: EmailMessage) -> str:
    return link_in(email).partition("?token=")[2]


@asynccontextmanager
async def open_mailbox(
    *, port: int = 0, tls: ssl.SSLContext | None = None, credentials: bool = False
) -> AsyncIterator[Mailbox]:
    """Runs a mail server for the block; `tls` requires STARTTLS with this certificate, `credentials` requires AUTH."""
    mailbox = Mailbox()

    def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        mailbox.signed_in_with.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=True)

    def conversation() -> SMTP:
        return SMTP(
            mailbox,
            hostname="mail.example",
            tls_context=tls,
            require_starttls=tls is not None,
            authenticator=authenticate if credentials else None,
            auth_required=credentials,
        )

    server = await asyncio.get_running_loop().create_server(conversation, HOST, port)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()
        await server.wait_closed()

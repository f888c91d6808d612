"""Sends emails by SMTP (RFC 5321)."""

import ssl
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import aiosmtplib

from services.authentication.ports.email import Mail, MailRefusedError

Security = Literal["starttls", "tls", "none"]
_PERMANENT = range(500, 600)


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """The SMTP server and its credentials."""

    host: str
    port: int
    security: Security
    username: str = ""
    password: str = field(default="", repr=False)
    ca: Path | None = None
    """PEM of authorities that are trusted instead of those of the system."""
    seconds: float = 10
    """For each step of the conversation."""


class SmtpMailer:
    """One connection for each email. Credentials are sent under TLS only, with a certificate that holds.

    Args:
        sender: the address that emails come from; `sender_name` is what users see.
        issuer: names this installation in the ids of emails.
    """

    def __init__(self, server: MailServer, *, sender: str, sender_name: str, issuer: str) -> None:
        self._server = server
        self._sender = sender
        self._sender_name = sender_name
        self._host = urlsplit(issuer).hostname or "localhost"
        self._tls = None if server.security == "none" else ssl.create_default_context(cafile=server.ca)

    async def send(self, mail: Mail, *, now: datetime) -> None:
        """Returns when the mail server has taken it.

        Raises:
            MailRefusedError: it has not.
        """
        server = self._server
        try:
            await aiosmtplib.send(
                self._message(mail, now=now),
                sender=self._sender,
                recipients=[mail.address],
                hostname=server.host,
                port=server.port,
                username=server.username or None,
                password=server.password or None,
                timeout=server.seconds,
                use_tls=server.security == "tls",
                start_tls=server.security == "starttls",
                tls_context=self._tls,
                local_hostname=self._host,
            )
        except aiosmtplib.SMTPRecipientsRefused as refusal:
            codes = [each.code for each in refusal.recipients]
            raise MailRefusedError(f"recipient {codes}", for_good=all(code in _PERMANENT for code in codes)) from None
        except aiosmtplib.SMTPDataError as refusal:
            raise MailRefusedError(f"data {refusal.code}", for_good=refusal.code in _PERMANENT) from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            # A rejected sender or rejected credentials are a configuration error: the email is retried.
            raise MailRefusedError(type(error).__name__, for_good=False) from None

    def _message(self, mail: Mail, *, now: datetime) -> EmailMessage:
        """The Message-ID is the same for each attempt, so that mail programs can drop duplicates (RFC 5322 3.6.4)."""
        message = EmailMessage(policy=SMTP)
        message["From"] = Address(self._sender_name, addr_spec=self._sender)
        message["To"] = Address(addr_spec=mail.address)
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{mail.letter_id}@{self._host}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834 5: prevents automatic replies
        message.set_content(mail.text, cte="quoted-printable")
        message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
        message["Content-Language"] = mail.locale
        return message

"""Handing emails in at a real mail server."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.authentication.adapters.mailer import MailServer, SmtpMailer
from services.authentication.ports.email import Mail, MailRefusedError
from tests.support.mailbox import HOST, Mailbox, open_mailbox, text_of
from tests.unit.fetch.certificates import Authority

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
MAIL = Mail(
    "019df2dc",
    "alice@example.com",
    "de",
    "Grüße · Latchkey",
    "Schöne Grüße\n\nhttps://id.example/?token=abc\n",
    "<p>ü</p>",
)


def office(mailbox: Mailbox, **changes: Any) -> SmtpMailer:
    values: dict[str, Any] = {"host": HOST, "port": mailbox.port, "security": "none", "seconds": 5}
    return SmtpMailer(
        MailServer(**(values | changes)),
        sender="no-reply@id.example",
        sender_name="Latchkey",
        issuer="https://id.example",
    )


async def test_mailer_delivers_email_unchanged() -> None:
    async with open_mailbox() as mailbox:
        await office(mailbox).send(MAIL, now=NOON)
    (email,), (envelope,) = mailbox.emails, mailbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@id.example", ["alice@example.com"])
    assert email["Subject"] == "Grüße · Latchkey"
    assert email["From"] == "Latchkey <no-reply@id.example>"
    assert email["Message-ID"] == "<019df2dc@id.example>"
    assert email["Date"].datetime == NOON
    assert (email["Auto-Submitted"], email["Content-Language"]) == ("auto-generated", "de")
    assert text_of(email) == MAIL.text
    page = email.get_body(("html",))
    assert page is not None
    assert page.get_content().strip() == "<p>ü</p>"


async def test_mailer_signs_in_and_delivers_under_tls(tmp_path: Path) -> None:
    authority = Authority.new(tmp_path)
    async with open_mailbox(tls=authority.server(HOST), credentials=True) as mailbox:
        secured = office(mailbox, security="starttls", ca=authority.pem, username="us", password="secret")
        await secured.send(MAIL, now=NOON)
    assert mailbox.signed_in_with == [("us", "secret")]
    assert mailbox.under_tls == [True]


@pytest.mark.s(69)
@pytest.mark.parametrize("why", ["a certificate for another name", "a certificate of an unknown authority", "no TLS"])
async def test_mailer_sends_nothing_to_a_server_without_a_valid_certificate(tmp_path: Path, why: str) -> None:
    authority = Authority.new(tmp_path)
    tls: ssl.SSLContext | None = authority.server("mail.other.example" if "name" in why else HOST)
    ca: Path | None = None if "unknown" in why else authority.pem
    if why == "no TLS":
        tls = None
    async with open_mailbox(tls=tls) as mailbox:
        secured = office(mailbox, security="starttls", ca=ca, username="us", password="secret")
        with pytest.raises(MailRefusedError) as refusal:
            await secured.send(MAIL, now=NOON)
    assert not refusal.value.for_good
    assert not mailbox.emails
    assert not mailbox.signed_in_with


@pytest.mark.parametrize(("answer", "for_good"), [("550 no such user", True), ("451 later, please", False)])
async def test_what_the_server_says_of_a_receiver_decides_whether_to_come_back(answer: str, *, for_good: bool) -> None:
    async with open_mailbox() as mailbox:
        mailbox.refusals = [answer]
        with pytest.raises(MailRefusedError) as refusal:
            await office(mailbox).send(MAIL, now=NOON)
    assert refusal.value.for_good is for_good
    assert "alice" not in str(refusal.value)


async def test_a_server_that_is_not_there_is_tried_later() -> None:
    async with open_mailbox() as mailbox:
        pass
    with pytest.raises(MailRefusedError) as refusal:
        await office(mailbox).send(MAIL, now=NOON)
    assert not refusal.value.for_good


@pytest.mark.parametrize("address", ["a@b.example\r\nBcc: eve@example.com", "a@b.example, eve@example.com"])
async def test_an_address_cannot_bring_headers_or_receivers_with_it(address: str) -> None:
    async with open_mailbox() as mailbox:
        with pytest.raises(MailRefusedError):
            await office(mailbox).send(Mail("id", address, "en", "Subject", "Text", "<p></p>"), now=NOON)
    assert not mailbox.emails

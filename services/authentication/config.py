"""Settings of the authentication service."""

import os
from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, FilePath, StringConstraints, field_validator, model_validator

from libs.fetch.settings import FetchSettings
from libs.servicekit.base.settings import (
    AttributeSettings,
    BusSettings,
    DatabaseSettings,
    GrpcSettings,
    PublicUrl,
    SecretKeysFile,
    ServiceSettings,
    is_loopback,
)
from services.authentication.adapters.mailer import MailServer, Security
from services.authentication.domain.accounts.email_addresses import writable
from services.authentication.domain.sessions.session import Lifetimes

MINUTE, HOUR, DAY = 60, 3_600, 86_400
_Lifetime = Annotated[int, Field(ge=5 * MINUTE, le=400 * DAY)]


class MailSettings(ServiceSettings):
    smtp_host: str = ""
    """Mail server that emails are handed in at. Without one no email is sent, and nothing is offered that needs any:
    forgotten passwords, sign-up, another address."""
    smtp_port: int = Field(default=587, ge=1, le=0xFFFF)
    """Its port: 587 with `starttls`, 465 with `tls`, as a rule."""
    smtp_security: Security = "starttls"
    """`starttls` and `tls` are never without TLS. `none` is for a server on this machine, and has no credentials."""
    smtp_username: str = Field(default="", repr=False)
    """What to sign in with there, if anything."""
    smtp_password_file: FilePath | None = None
    """File with the password that goes with it."""
    smtp_ca: FilePath | None = None
    """PEM of authorities that are trusted for it, instead of those of the system."""
    smtp_seconds: float = Field(default=10, gt=0, le=60, allow_inf_nan=False)
    """How long each step of the conversation may take."""
    mail_from: str = ""
    """The address that emails come from."""
    sign_up: bool = False
    """People may make accounts for themselves: whoever answers an email to their address. Needs mail."""
    brand_name: Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)] = "Latchkey"
    """What users know this installation as: the name under every email."""

    @field_validator("mail_from")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if value and writable(value) is None:
            raise ValueError("must be an email address")
        return value

    @field_validator("brand_name")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("must contain printable characters only")
        return value

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Self:
        if not self.smtp_host:
            if self.sign_up:
                raise ValueError("LATCHKEY_SIGN_UP requires LATCHKEY_SMTP_HOST")
            return self
        if not self.mail_from:
            raise ValueError("LATCHKEY_MAIL_FROM and LATCHKEY_SMTP_HOST must be set together")
        if bool(self.smtp_username) != (self.smtp_password_file is not None):
            raise ValueError("LATCHKEY_SMTP_USERNAME and LATCHKEY_SMTP_PASSWORD_FILE must be set together")
        if self.smtp_security == "none" and (self.smtp_username or not is_loopback(self.smtp_host)):
            raise ValueError(
                "LATCHKEY_SMTP_SECURITY=none requires a mail server on a loopback address and no credentials"
            )
        return self

    @property
    def mail_server(self) -> MailServer | None:
        """None: no email is sent."""
        if not self.smtp_host:
            return None
        file = self.smtp_password_file
        return MailServer(
            host=self.smtp_host,
            port=self.smtp_port,
            security=self.smtp_security,
            username=self.smtp_username,
            password=file.read_text(encoding="utf-8").strip() if file else "",
            ca=self.smtp_ca,
            seconds=self.smtp_seconds,
        )


class PasswordSettings(FetchSettings, ServiceSettings):
    password_min_score: int = Field(default=2, ge=0, le=4)
    """How hard a new password has to be to guess, as zxcvbn estimates it: 0 accepts anything that is long enough, 4
    only what even a stolen hash does not give away."""
    breached_passwords_url: PublicUrl | None = None
    """A range service that knows stolen passwords, for example https://api.pwnedpasswords.com/range: it hears five
    digits of the SHA-1 of a new password. When it does not answer, the password is accepted and an event says so."""
    breached_passwords_file: FilePath | None = None
    """The same without asking anybody: a file of SHA-1 digests in hexadecimal, one a line, in order."""

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if self.breached_passwords_url and self.breached_passwords_file:
            raise ValueError(
                "LATCHKEY_BREACHED_PASSWORDS_URL and LATCHKEY_BREACHED_PASSWORDS_FILE cannot be set together"
            )
        return self


class AuthenticationSettings(
    PasswordSettings, MailSettings, AttributeSettings, GrpcSettings, DatabaseSettings, BusSettings
):
    session_attestation_key_file: SecretKeysFile
    """File with the key under which the token service believes statements about sessions (32 bytes, base64url). Several
    lines: the first makes them (docs/keys.md)."""
    factor_encryption_key_file: SecretKeysFile
    """File with the key that seals the secrets of authenticator apps, and keys the digests of recovery codes (32 bytes,
    base64url). With another one neither opens anything. Several lines: the first seals (docs/keys.md)."""
    session_idle_seconds: _Lifetime = 8 * HOUR
    """A session that is not used for this long has ended: a browser left alone overnight asks for the password."""
    session_absolute_seconds: _Lifetime = 14 * DAY
    """A session that is this old has ended, however much it is used."""
    ended_sessions_kept_seconds: int = Field(default=1 * DAY, ge=0)
    """How long ended sessions stay in the database, for users who look into something."""
    password_workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    """Password hashes computed at once: one core and 19 MiB each. Default: the cores of the machine."""
    password_queue: int = Field(default=64, ge=0, le=10_000)
    """Password hashes that may wait; beyond it, sign-ins are refused with a time to come back."""

    @model_validator(mode="after")
    def _idle_within_absolute(self) -> Self:
        if self.session_idle_seconds > self.session_absolute_seconds:
            raise ValueError("LATCHKEY_SESSION_IDLE_SECONDS must not exceed LATCHKEY_SESSION_ABSOLUTE_SECONDS")
        return self

    @property
    def lifetimes(self) -> Lifetimes:
        return Lifetimes(
            idle=timedelta(seconds=self.session_idle_seconds), absolute=timedelta(seconds=self.session_absolute_seconds)
        )

    @property
    def keep_ended(self) -> timedelta:
        return timedelta(seconds=self.ended_sessions_kept_seconds)

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
    SecretFile,
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
    """Host name of the mail server (SMTP). Without it no email is sent, and password reset, sign-up, invitations and
    address changes are disabled."""
    smtp_port: int = Field(default=587, ge=1, le=0xFFFF)
    """Port of the mail server: usually 587 with `starttls` and 465 with `tls`."""
    smtp_security: Security = "starttls"
    """`starttls` and `tls` require TLS. `none` is allowed only for a loopback address and without credentials."""
    smtp_username: str = Field(default="", repr=False)
    """User name for the mail server, if it requires authentication."""
    smtp_password_file: SecretFile | None = None
    """File with the password for the mail server."""
    smtp_ca: FilePath | None = None
    """PEM file of the certificate authorities that are trusted for the mail server. Default: those of the system."""
    smtp_seconds: float = Field(default=10, gt=0, le=60, allow_inf_nan=False)
    """Timeout of each SMTP command, in seconds."""
    mail_from: str = ""
    """Sender address of emails."""
    sign_up: bool = False
    """Users can create an account after they confirm their email address. Requires a mail server."""
    brand_name: Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)] = "Latchkey"
    """Name of this installation, shown to users in emails."""

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
    """Minimum zxcvbn score of a new password, from 0 (any password that is long enough) to 4 (very hard to guess, even
    with its hash)."""
    breached_passwords_url: PublicUrl | None = None
    """URL of a range service of breached passwords, for example https://api.pwnedpasswords.com/range. It receives the
    first five digits of the SHA-1 of a new password. If it does not respond, the password is accepted and the event
    `password.unchecked` is emitted."""
    breached_passwords_file: FilePath | None = None
    """File of breached passwords: SHA-1 digests in hexadecimal, one per line, sorted."""

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
    """File with the key of the MAC by which the token service verifies sessions (32 bytes, base64url). With several
    lines, the first key creates MACs (docs/keys.md)."""
    factor_encryption_key_file: SecretKeysFile
    """File with the key that encrypts the secrets of authenticator apps and keys the digests of recovery codes (32
    bytes, base64url). Without this key, both become unusable. With several lines, the first key encrypts
    (docs/keys.md)."""
    session_idle_seconds: _Lifetime = 8 * HOUR
    """Seconds without use after which a session ends."""
    session_absolute_seconds: _Lifetime = 14 * DAY
    """Maximum lifetime of a session in seconds, also when it is in use."""
    ended_sessions_kept_seconds: int = Field(default=1 * DAY, ge=0)
    """Seconds that ended sessions stay in the database, for investigations."""
    password_workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    """Number of password hashes computed concurrently. Each uses one core and 19 MiB. Default: the number of cores."""
    password_queue: int = Field(default=64, ge=0, le=10_000)
    """Maximum number of queued password hashes. Further sign-ins are refused with a retry time."""

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

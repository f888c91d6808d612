"""Configuration of emails, to be mixed into the settings of the service."""

from typing import Annotated, Self

from pydantic import Field, FilePath, StringConstraints, field_validator, model_validator

from libs.servicekit.base.settings import ServiceSettings, is_loopback
from services.authentication.adapters.mailer import MailServer, Security
from services.authentication.domain.accounts.email_addresses import writable


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

"""Configuration of the authentication service."""

import os
from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from libs.servicekit.base.settings import (
    AttributeSettings,
    BusSettings,
    DatabaseSettings,
    GrpcSettings,
    SecretKeysFile,
)
from services.authentication.domain.sessions.session import Lifetimes
from services.authentication.mail_settings import MailSettings
from services.authentication.password_settings import PasswordSettings

MINUTE, HOUR, DAY = 60, 3_600, 86_400
_Lifetime = Annotated[int, Field(ge=5 * MINUTE, le=400 * DAY)]


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

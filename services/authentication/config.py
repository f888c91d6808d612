"""Configuration of the authentication service. A time is a number of seconds, or ISO 8601 such as PT8H."""

import os
from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from libs.servicekit.settings import BusSettings, DatabaseSettings, GrpcSettings, SecretKeyFile

_Duration = Annotated[timedelta, Field(ge=timedelta(minutes=5), le=timedelta(days=400))]


class AuthenticationSettings(GrpcSettings, DatabaseSettings, BusSettings):
    session_attestation_key_file: SecretKeyFile
    """File with the key under which the token service believes statements about sessions (32 bytes, base64url)."""
    session_idle: _Duration = timedelta(hours=8)
    """A session that is not used for this long has ended: a browser left alone overnight asks for the password."""
    session_absolute: _Duration = timedelta(days=14)
    """A session that is this old has ended, however much it is used."""
    ended_sessions_kept: timedelta = Field(default=timedelta(days=1), ge=timedelta(0))
    """How long ended sessions stay in the database, for people who look into something."""
    password_workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    """Password hashes computed at once: one core and 19 MiB each. Default: the cores of the machine."""
    password_queue: int = Field(default=64, ge=0, le=10_000)
    """Password hashes that may wait; beyond it, sign-ins are refused with a time to come back."""

    @model_validator(mode="after")
    def _idle_within_absolute(self) -> Self:
        if self.session_idle > self.session_absolute:
            raise ValueError("LATCHKEY_SESSION_IDLE must not be longer than LATCHKEY_SESSION_ABSOLUTE")
        return self

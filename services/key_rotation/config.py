"""Configuration of the key-rotation service."""

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from libs.servicekit.base.settings import BusSettings, DatabaseSettings, GrpcSettings, SecretFile
from services.key_rotation.domain.rotation_policy import RotationPolicy
from services.key_rotation.wrappings.settings import WrappingSettings

MINUTE, HOUR, DAY = 60, 3_600, 86_400


class KeyRotationSettings(WrappingSettings, GrpcSettings, DatabaseSettings, BusSettings):
    key_period_seconds: int = Field(default=30 * DAY, ge=MINUTE, le=400 * DAY)
    """How long a key signs. A change applies from the next key on; `latchkey key rotate` activates it earlier."""
    key_announcement_seconds: int = Field(default=1 * DAY, ge=MINUTE, le=400 * DAY)
    """How long a key is published before it signs. Must be longer than any cache of the key set lives."""
    jwks_max_age_seconds: int = Field(default=5 * MINUTE, ge=MINUTE, le=DAY)
    """Cache lifetime of the key set (`Cache-Control`). A revoked key may be accepted for twice this time."""
    publication_max_age_seconds: int = Field(default=15 * MINUTE, ge=2 * MINUTE, le=DAY)
    """How long the browser edge publishes its keys while this service is unavailable."""
    key_view_max_age_seconds: int = Field(default=5 * MINUTE, ge=MINUTE, le=HOUR)
    """How long token replicas sign with their keys while this service is unavailable."""
    private_keys: Literal["delivered", "kept"] = "delivered"
    """`delivered`: token replicas get the private keys and sign. `kept`: private keys do not leave this service, and it
    signs every token; token replicas need `LATCHKEY_SIGNING=remote`."""
    signatures_per_second: int = Field(default=1_000, ge=1, le=100_000)
    """Maximum number of tokens that each replica signs per second for token replicas with `LATCHKEY_SIGNING=remote`."""
    nats_subscribers_creds: SecretFile | None = None
    """File with NATS credentials that create the streams of the subscribers' account. Without it there are none."""
    nats_readers_creds: SecretFile | None = None
    """The same for the readers' account, whose streams get half of LATCHKEY_NATS_STREAM_BYTES."""
    key_check_seconds: float = Field(default=60, gt=0, le=3600)
    """Interval of the rotation task."""

    @model_validator(mode="after")
    def _check_policy(self) -> Self:
        try:
            _ = self.policy
        except ValueError as error:
            raise ValueError(f"LATCHKEY_KEY_ANNOUNCEMENT_SECONDS and related settings: {error}") from None
        return self

    @property
    def policy(self) -> RotationPolicy:
        """Raises ValueError if the durations contradict each other."""
        return RotationPolicy(
            jwks_max_age=timedelta(seconds=self.jwks_max_age_seconds),
            publication_max_age=timedelta(seconds=self.publication_max_age_seconds),
            view_max_age=timedelta(seconds=self.key_view_max_age_seconds),
            announcement=timedelta(seconds=self.key_announcement_seconds),
            period=timedelta(seconds=self.key_period_seconds),
        )

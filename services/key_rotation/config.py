"""Configuration of the key-rotation service."""

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, FilePath, model_validator

from libs.servicekit.base.settings import BusSettings, DatabaseSettings, GrpcSettings
from services.key_rotation.domain.waits import Waits
from services.key_rotation.wrappings.settings import WrappingSettings

MINUTE, HOUR, DAY = 60, 3_600, 86_400


class KeyRotationSettings(WrappingSettings, GrpcSettings, DatabaseSettings, BusSettings):
    key_period_seconds: int = Field(default=30 * DAY, ge=MINUTE, le=400 * DAY)
    """How long a key signs. A change holds from the next key on; `latchkey key rotate` makes it sooner."""
    key_announcement_seconds: int = Field(default=1 * DAY, ge=MINUTE, le=400 * DAY)
    """How long a key is published before it may sign. A value that some cache of the key set outlives is refused."""
    jwks_max_age_seconds: int = Field(default=5 * MINUTE, ge=MINUTE, le=DAY)
    """How long others may keep the key set (its `Cache-Control`), and thus, twice over, believe a revoked key."""
    publication_max_age_seconds: int = Field(default=15 * MINUTE, ge=2 * MINUTE, le=DAY)
    """How long the browser edge publishes the keys it has while this service is away."""
    key_view_max_age_seconds: int = Field(default=5 * MINUTE, ge=MINUTE, le=HOUR)
    """How long token replicas sign with the keys they have while this service is away."""
    private_keys: Literal["delivered", "kept"] = "delivered"
    """`delivered`: token replicas have them in their memory. `kept`: they do not leave this service, and every token is
    signed here; token replicas need `LATCHKEY_SIGNING=remote`."""
    signatures_per_second: int = Field(default=1_000, ge=1, le=100_000)
    """So many tokens are signed here for token replicas with `LATCHKEY_SIGNING=remote`, by each replica."""
    nats_subscribers_creds: FilePath | None = None
    """File with the credentials that keep the streams of the subscribers' NATS account. Without it there are none."""
    nats_readers_creds: FilePath | None = None
    """As LATCHKEY_NATS_SUBSCRIBERS_CREDS, of the readers' account, whose streams have half the size."""
    key_check_seconds: float = Field(default=60, gt=0, le=3600)
    """How often it is looked whether something has come due."""

    @model_validator(mode="after")
    def _no_key_signs_before_everybody_can_know_it(self) -> Self:
        try:
            _ = self.waits
        except ValueError as error:
            raise ValueError(f"LATCHKEY_KEY_ANNOUNCEMENT_SECONDS and its relatives: {error}") from None
        return self

    @property
    def waits(self) -> Waits:
        """Raises ValueError when they do not fit each other."""
        return Waits(
            jwks_max_age=timedelta(seconds=self.jwks_max_age_seconds),
            publication_max_age=timedelta(seconds=self.publication_max_age_seconds),
            view_max_age=timedelta(seconds=self.key_view_max_age_seconds),
            announcement=timedelta(seconds=self.key_announcement_seconds),
            period=timedelta(seconds=self.key_period_seconds),
        )

"""Configuration of the event bridge."""

from dataclasses import replace
from datetime import timedelta
from typing import Self

from pydantic import Field, FilePath, model_validator

from libs.fetch.policy import FetchPolicy
from libs.fetch.settings import FetchSettings
from libs.servicekit.settings import (
    BusSettings,
    DatabaseSettings,
    GrpcSettings,
    SecretKeyFile,
    is_loopback,
)

MINUTE, HOUR, DAY = 60, 3_600, 86_400


class EventBridgeSettings(FetchSettings, GrpcSettings, DatabaseSettings, BusSettings):
    subscriber_nats_creds: FilePath | None = None
    """File with the NATS credentials with which events are read, in the account of the subscribers."""
    webhook_sealing_key_file: SecretKeyFile
    """What webhook secrets are sealed under in the database."""
    webhooks_most: int = Field(default=100, ge=1, le=1_000)
    """How many webhooks there may be."""
    webhook_disable_after_seconds: int = Field(default=5 * DAY, ge=MINUTE, le=90 * DAY)
    """A webhook to which nothing could be delivered for so long is disabled."""
    webhook_log_seconds: int = Field(default=7 * DAY, ge=HOUR, le=90 * DAY)
    """How long events and the delivery log are kept: what can be sent again."""
    webhook_loopback: bool = False
    """For development, and only where the issuer is a loopback host: webhooks may go to loopback, by plain http too."""

    @model_validator(mode="after")
    def _loopback_is_for_development(self) -> Self:
        host = self.issuer.partition("://")[2].partition("/")[0].rpartition(":")[0] or self.issuer.partition("://")[2]
        if self.webhook_loopback and not is_loopback(host.strip("[]")):
            raise ValueError("LATCHKEY_WEBHOOK_LOOPBACK is for development: the issuer is no loopback host")
        return self

    @property
    def disable_after(self) -> timedelta:
        return timedelta(seconds=self.webhook_disable_after_seconds)

    @property
    def keep(self) -> timedelta:
        return timedelta(seconds=self.webhook_log_seconds)

    def webhook_policy(self) -> FetchPolicy:
        """A place for every webhook: one that is failing holds one, so none can hold up another."""
        policy = self.fetch_policy()
        return replace(
            policy, most_at_once=max(policy.most_at_once, self.webhooks_most), loopback=self.webhook_loopback
        )

"""Configuration of the event bridge."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, FilePath, model_validator
from pydantic_settings import NoDecode

from libs.fetch.policy import FetchPolicy
from libs.fetch.settings import FetchSettings
from libs.servicekit.base.settings import (
    BusSettings,
    DatabaseSettings,
    GrpcSettings,
    HttpEdgeSettings,
    SecretKeysFile,
    is_loopback,
)
from services.event_bridge.domain.deliveries import AT_ONCE

MINUTE, HOUR, DAY = 60, 3_600, 86_400


def _origins(value: Any) -> Any:
    """Exact origins (RFC 6454): https, or http for a loopback host, without a path."""
    if not isinstance(value, str):
        return value
    found = frozenset(part.strip() for part in value.split(",") if part.strip())
    for origin in found:
        parts = urlsplit(origin)
        plain = parts.scheme == "http" and is_loopback(parts.hostname or "")
        if (
            (parts.scheme != "https" and not plain)
            or origin != f"{parts.scheme}://{parts.netloc}"
            or not parts.hostname
        ):
            raise ValueError("must be origins such as https://app.example, separated by commas")
    return found


Origins = Annotated[frozenset[str], NoDecode, BeforeValidator(_origins)]


class EventBridgeSettings(FetchSettings, GrpcSettings, HttpEdgeSettings, DatabaseSettings, BusSettings):
    subscriber_nats_creds: FilePath | None = None
    """File with the NATS credentials with which events are read, in the account of the subscribers."""
    webhook_sealing_key_file: SecretKeysFile
    """What webhook secrets are sealed under in the database. Several lines: the first seals (docs/keys.md)."""
    webhooks_most: int = Field(default=100, ge=1, le=1_000)
    """How many webhooks there may be."""
    webhook_disable_after_seconds: int = Field(default=5 * DAY, ge=MINUTE, le=90 * DAY)
    """A webhook to which nothing could be delivered for so long is disabled."""
    webhook_log_seconds: int = Field(default=7 * DAY, ge=HOUR, le=90 * DAY)
    """How long events and the delivery log are kept: what can be sent again."""
    webhook_loopback: bool = False
    """For development, and only where the issuer is a loopback host: webhooks may go to loopback, by plain http too."""

    event_stream_origins: Origins = frozenset()
    """Origins of the pages whose scripts may read the stream of events, separated by commas."""
    event_stream_keep_seconds: int = Field(default=HOUR, ge=MINUTE, le=7 * DAY)
    """How long events that no webhook wants are kept, for readers of the stream who were away."""
    event_streams_most: int = Field(default=200, ge=1, le=10_000)
    """How many streams a process serves at the same time."""

    @model_validator(mode="after")
    def _loopback_is_for_development(self) -> Self:
        if self.webhook_loopback and not is_loopback(urlsplit(self.issuer).hostname or ""):
            raise ValueError("LATCHKEY_WEBHOOK_LOOPBACK is for development: the issuer is no loopback host")
        return self

    @property
    def disable_after(self) -> timedelta:
        return timedelta(seconds=self.webhook_disable_after_seconds)

    @property
    def keep(self) -> timedelta:
        return timedelta(seconds=self.webhook_log_seconds)

    @property
    def stream_keep(self) -> timedelta:
        return timedelta(seconds=self.event_stream_keep_seconds)

    def webhook_policy(self) -> FetchPolicy:
        """All places of every webhook at once, so that none can hold up another, not even one on the same host."""
        places = self.webhooks_most * AT_ONCE
        return replace(
            self.fetch_policy(), most_at_once=places, most_at_once_per_host=places, loopback=self.webhook_loopback
        )

"""Configuration of the event bridge."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from libs.fetch.policy import FetchPolicy
from libs.fetch.settings import FetchSettings
from libs.servicekit.base.settings import (
    BusSettings,
    DatabaseSettings,
    GrpcSettings,
    HttpEdgeSettings,
    SecretFile,
    SecretKeysFile,
    is_loopback,
)
from services.event_bridge.domain.deliveries import MAX_CONCURRENT

MINUTE, HOUR, DAY = 60, 3_600, 86_400


def _origins(value: Any) -> Any:
    """Parse exact origins (RFC 6454): https, or http for a loopback host, without a path."""
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
    subscriber_nats_creds: SecretFile | None = None
    """File with the NATS credentials for reading events, in the account of the subscribers."""
    webhook_sealing_key_file: SecretKeysFile
    """File with the keys for webhook secrets in the database. The key in the first line encrypts (docs/keys.md)."""
    webhooks_most: int = Field(default=100, ge=1, le=1_000)
    """Maximum number of webhooks."""
    webhook_disable_after_seconds: int = Field(default=5 * DAY, ge=MINUTE, le=90 * DAY)
    """A webhook whose deliveries have failed for this time is disabled."""
    webhook_log_seconds: int = Field(default=7 * DAY, ge=HOUR, le=90 * DAY)
    """Retention of events and of the delivery log. Events can be sent again within this time."""
    webhook_loopback: bool = False
    """For development, and only with an issuer on a loopback host: webhooks may use http and loopback addresses."""

    event_stream_origins: Origins = frozenset()
    """Origins of the pages whose scripts may read the event stream, separated by commas."""
    event_stream_keep_seconds: int = Field(default=HOUR, ge=MINUTE, le=7 * DAY)
    """Retention of events that match no webhook, for readers of the event stream that reconnect."""
    event_streams_most: int = Field(default=200, ge=1, le=10_000)
    """Maximum number of concurrent event streams of one process."""

    @model_validator(mode="after")
    def _require_loopback_issuer(self) -> Self:
        if self.webhook_loopback and not is_loopback(urlsplit(self.issuer).hostname or ""):
            raise ValueError("LATCHKEY_WEBHOOK_LOOPBACK requires an issuer on a loopback host (development only)")
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
        """Allow the maximum of concurrent requests for every webhook, so that no webhook delays another one."""
        requests = self.webhooks_most * MAX_CONCURRENT
        return replace(
            self.fetch_policy(), max_at_once=requests, max_at_once_per_host=requests, loopback=self.webhook_loopback
        )

"""The second NATS connection of this service, with the rights of a subscriber."""

import asyncio
from pathlib import Path

from nats.aio.client import Client
from nats.errors import Error as NatsError

from libs.servicekit.base import logs
from libs.servicekit.base.service import CheckResult
from libs.servicekit.nats.subscribers import inbox_of
from services.event_bridge.adapters.feed import CONSUMER

_log = logs.get(__name__)


class SubscriberConnection:
    """Reconnects automatically; `run` is a background task."""

    def __init__(self, servers: str, creds: Path | None) -> None:
        self._servers = servers.split(",")
        self._creds = creds
        self.client = Client()
        self._last_error = ""

    async def run(self) -> None:
        try:
            await self.client.connect(
                self._servers,
                name="latchkey event-bridge reader",
                user_credentials=str(self._creds) if self._creds else None,
                inbox_prefix=inbox_of(CONSUMER),
                max_reconnect_attempts=-1,
                reconnect_time_wait=1,
                connect_timeout=2,
                error_cb=self._on_error,
            )
            await asyncio.Event().wait()
        finally:
            try:
                await asyncio.wait_for(self.client.close(), 2)
            except (TimeoutError, NatsError, OSError):
                _log.debug("nats.close_failed", message="NATS connection did not close cleanly")

    async def check(self) -> CheckResult:
        connected = self.client.is_connected
        return CheckResult(ok=connected, detail="connected" if connected else "NATS unavailable", required=False)

    async def _on_error(self, error: Exception) -> None:
        cause = str(error) or type(error).__name__
        if cause != self._last_error:
            self._last_error = cause
            _log.warning("nats.subscriber_error", message="NATS reported an error to the event reader", cause=cause)

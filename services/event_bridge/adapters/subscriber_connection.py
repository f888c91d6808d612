"""The service's second connection to the bus: as a subscriber, with a subscriber's rights."""

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
    """Comes back by itself; `run` is a background task."""

    def __init__(self, servers: str, creds: Path | None) -> None:
        self._servers = servers.split(",")
        self._creds = creds
        self.client = Client()
        self._complaint = ""

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
                _log.debug("The bus did not say goodbye")

    async def check(self) -> CheckResult:
        connected = self.client.is_connected
        return CheckResult(ok=connected, detail="connected" if connected else "away: events wait", required=False)

    async def _on_error(self, error: Exception) -> None:
        complaint = str(error) or type(error).__name__
        if complaint != self._complaint:
            self._complaint = complaint
            _log.warning("The bus reports to the reader", cause=complaint)

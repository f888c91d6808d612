"""The background task that sends emails, independently of requests.

Any number of replicas may run it: an email is claimed by a conditional update, for as long as one attempt may take.
"""

import asyncio

from prometheus_client import Counter

from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base import logs
from services.authentication.domain.email.emails import LEASE, QueuedEmail
from services.authentication.usecases.email.send_email import SendEmail

AT_ONCE = 8
IDLE_SECONDS = 1.0
UNAVAILABLE_SECONDS = 5.0
EMAILS = Counter(
    "latchkey_letters_total",
    "Attempts to send an email, by outcome (postponed: retried later).",
    ["kind", "outcome"],
)
_log = logs.get(__name__)


class EmailDeliveries:
    """`run` is a background task."""

    def __init__(self, send: SendEmail) -> None:
        self._send = send

    async def run(self) -> None:
        """Sends at most AT_ONCE emails concurrently."""
        while True:
            try:
                pause = 0.0 if await self.step() else IDLE_SECONDS
            except TemporarilyUnavailable as error:
                _log.info(
                    "email.queue_blocked", message="Email queue blocked: database unavailable", reason=error.reason
                )
                pause = UNAVAILABLE_SECONDS
            await asyncio.sleep(pause)

    async def step(self) -> bool:
        """Sends the emails that are due, at most AT_ONCE. Returns whether there were any."""
        due = await self._send.claim(limit=AT_ONCE)
        await asyncio.gather(*(self._attempt(posted) for posted in due))
        return bool(due)

    async def _attempt(self, posted: QueuedEmail) -> None:
        kind = posted.email.kind.value
        try:
            async with asyncio.timeout(LEASE.total_seconds() / 2):
                outcome = await self._send(posted)
        except Exception as error:  # noqa: BLE001 - it comes again when its lease ends
            _log.warning(
                "email.delivery_interrupted",
                message="Email delivery was interrupted and will be retried",
                kind=kind,
                cause=type(error).__name__,
            )
        else:
            EMAILS.labels(kind, outcome.value if outcome else "postponed").inc()

"""Receives revocation events from NATS, and knows whether they are complete."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from latchkey_sdk.cancellation import stay_cancelled
from latchkey_sdk.connection import Connection
from latchkey_sdk.errors import AccessRefused, LatchkeyError
from latchkey_sdk.filters import EVENTS, subject_of
from latchkey_sdk.verifier.feed import HEARTBEAT_SECONDS, Feed, long_ago
from latchkey_sdk.verifier.revocations import Kind, Revocations

FILTERS = ("token.revoked", "session.ended", "account.>", "client.deleted", "key.>")
"""The events that a verifier reads. Its NATS user needs no other permissions."""
SILENCE_SECONDS = 4 * HEARTBEAT_SECONDS
_CONNECT_SECONDS = 10.0
_RETRY_SECONDS = 1.0
_ENDS: Mapping[str, tuple[Kind, str]] = {
    "latchkey.session.ended.v1": ("session", "session_id"),
    "latchkey.account.disabled.v1": ("user", "user_id"),
    "latchkey.account.deleted.v1": ("user", "user_id"),
    "latchkey.client.deleted.v1": ("client", "client_id"),
    "latchkey.key.revoked.v1": ("key", "kid"),
}
"""Event type -> what it ends, and the member of `data` with its id. token.revoked: see `ended_by`."""
_log = logging.getLogger("latchkey_sdk")


class BusWatch:
    """`run` is a task for the lifetime of the verifier. It retries after every failure.

    Args:
        connection: servers, creds, inbox_prefix.
        replay_seconds: how far back events are read at the start.
        on_keys: called when the keys of the issuer change.
        now: monotonic seconds.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        connection: Mapping[str, Any],
        revocations: Revocations,
        *,
        replay_seconds: float,
        on_keys: Callable[[], None],
        now: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._settings = connection
        self._revocations = revocations
        self._replay_seconds = replay_seconds
        self._on_keys = on_keys
        self._now = now
        self._clock = clock
        self._feeds: Sequence[Feed] = ()
        self._connection: Connection | None = None
        self._complete_at = now()
        self.refused: AccessRefused | None = None
        """Set if the credentials were refused or lack a permission."""

    @property
    def away_seconds(self) -> float:
        """0 while all revocations are received; otherwise the seconds since they were last complete."""
        complete = [feed.complete_at for feed in self._feeds]
        if complete and None not in complete:
            self._complete_at = max(self._complete_at, min(at for at in complete if at is not None))
            working = self._connection is not None and self._connection.working
            if working and self._now() - self._complete_at < SILENCE_SECONDS:
                return 0.0
        return max(self._now() - self._complete_at, 0.001)

    async def run(self) -> None:
        while True:
            try:
                await self._watch()
            except LatchkeyError as error:
                self.refused = error if isinstance(error, AccessRefused) else None
                _log.warning("Revocation events are not received: %s", error)
            except Exception:  # noqa: BLE001 - retry after any failure
                _log.exception("Revocation events are not received")
            stay_cancelled()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _watch(self) -> None:
        """Run until the connection fails permanently. Raises LatchkeyError."""
        connection = Connection(**self._settings, on_reconnect=self._begin_again)
        await connection.open(timeout=_CONNECT_SECONDS)
        since = long_ago(self._replay_seconds, clock=self._clock)
        self._connection, self._feeds = connection, [self._feed(connection, name, since) for name in FILTERS]
        tasks = [asyncio.create_task(feed.run()) for feed in self._feeds]
        try:
            either: set[asyncio.Future[Any]] = {connection.failed, *tasks}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if connection.failed.done():
                raise connection.failed.result()
            for task in tasks:
                if task.done():
                    task.result()  # a feed ends only with an error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await connection.close()

    def _feed(self, connection: Connection, name: str, since: datetime) -> Feed:
        return Feed(connection, stream=EVENTS, subject=subject_of(name), since=since, take=self._take, now=self._now)

    def _begin_again(self) -> None:
        for feed in self._feeds:
            feed.begin_again()

    def _take(self, body: bytes) -> None:
        try:
            event = json.loads(body)
            if event["type"].startswith("latchkey.key."):
                self._on_keys()
            if ended := ended_by(event["type"], event["data"]):
                self._revocations.add(*ended, at=datetime.fromisoformat(event["time"]).timestamp())
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            _log.warning("Revocation message is not a valid event and is skipped: %r", error)


def ended_by(event_type: str, data: Mapping[str, Any]) -> tuple[Kind, str] | None:
    """Return what the event ends, or None."""
    if event_type == "latchkey.token.revoked.v1":
        # With `token_id` only this token ended, otherwise all tokens of the grant.
        return ("token", data["token_id"]) if data.get("token_id") else ("grant", data["grant_id"])
    if event_type not in _ENDS:
        return None
    kind, member = _ENDS[event_type]
    return kind, data[member]


def connection_settings(
    servers: str | Sequence[str], creds: str | Path | None, inbox_prefix: str | None
) -> Mapping[str, Any]:
    return {"servers": servers, "creds": creds, "inbox_prefix": inbox_prefix}

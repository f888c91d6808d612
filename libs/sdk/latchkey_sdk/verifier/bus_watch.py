"""Hearing from the bus what has been revoked, and knowing whether anything is being heard."""

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
"""What a verifier reads; its NATS user needs no right to anything else."""
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
"""Type of an event -> what ends with it, and the member of `data` that names it. token.revoked: see `ended_by`."""
_log = logging.getLogger("latchkey_sdk")


class BusWatch:
    """`run` is a task for the life of the verifier. Outages end by themselves, whatever they are.

    Args:
        connection: servers, creds, inbox_prefix.
        replay_seconds: how far back a start has to look.
        on_keys: is called when the issuer's keys change.
        now: seconds that only rise.
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
        """The credentials are not accepted, or permit too little."""

    @property
    def away_seconds(self) -> float:
        """0 while everything is heard; otherwise for how long not."""
        complete = [feed.complete_at for feed in self._feeds]
        if complete and None not in complete:
            self._complete_at = max(self._complete_at, min(at for at in complete if at is not None))
            heard = self._connection is not None and self._connection.working
            if heard and self._now() - self._complete_at < SILENCE_SECONDS:
                return 0.0
        return max(self._now() - self._complete_at, 0.001)

    async def run(self) -> None:
        while True:
            try:
                await self._watch()
            except LatchkeyError as error:
                self.refused = error if isinstance(error, AccessRefused) else None
                _log.warning("Revocations are not heard: %s", error)
            except Exception:  # noqa: BLE001 - whatever it is, revocations have to be heard again
                _log.exception("Revocations are not heard")
            stay_cancelled()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _watch(self) -> None:
        """Until the connection has failed for good. Raises LatchkeyError."""
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
                    task.result()  # a feed ends by an error only
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
            _log.warning("What came among the revocations is no event and is left out: %r", error)


def ended_by(event_type: str, data: Mapping[str, Any]) -> tuple[Kind, str] | None:
    """What is not good any more after an event; None: nothing."""
    if event_type == "latchkey.token.revoked.v1":
        # With `token_id` that one token alone ended, otherwise all of the grant.
        return ("token", data["token_id"]) if data.get("token_id") else ("grant", data["grant_id"])
    if event_type not in _ENDS:
        return None
    kind, member = _ENDS[event_type]
    return kind, data[member]


def connection_settings(
    servers: str | Sequence[str], creds: str | Path | None, inbox_prefix: str | None
) -> Mapping[str, Any]:
    return {"servers": servers, "creds": creds, "inbox_prefix": inbox_prefix}

"""NATS: publishes events to JetStream, and receives events of other services to refresh caches.

NATS may be unavailable at any time, also at start. Requests to the service do not wait for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, ExternalStream, RetentionPolicy, StorageType, StreamConfig, StreamSource
from nats.js.errors import NotFoundError

from libs.servicekit.base import logs
from libs.servicekit.base.metrics import STREAM_FILL
from libs.servicekit.base.service import CheckResult
from libs.servicekit.base.settings import BusSettings
from libs.servicekit.nats.mirrors import MIRRORED, ORIGIN_API, Mirror
from libs.servicekit.nats.publish_acks import Outgoing, PublishAcks

_log = logs.get(__name__)
_ENTITIES = (
    *("login", "session", "account", "password", "factor", "recovery_codes", "consent", "code", "client", "key"),
    *("device", "admin", "webhook", "stream_ticket"),
)
_TOKEN_EVENTS = ("revoked", "reuse_detected", "telemetry_gap")
_TOKEN_TELEMETRY = ("issued", "refreshed")
DUPLICATE_WINDOW = timedelta(minutes=10)
ACK_SECONDS = 5.0
RETRY_SECONDS = 1
WAIT_SECONDS = 0.2
"""Interval of the check whether key-rotation has created the streams."""

REDRIVEN = "latchkey.redriven"
"""`latchkey.redriven.<consumer>` carries events that an operator sends to one consumer again."""
STREAMS: Mapping[str, tuple[tuple[str, ...], timedelta]] = {
    "LATCHKEY_EVENTS": (
        (
            *(f"latchkey.v1.{entity}.>" for entity in _ENTITIES),
            *(f"latchkey.v1.token.{name}.*" for name in _TOKEN_EVENTS),
            f"{REDRIVEN}.*",
        ),
        timedelta(days=30),
    ),
    "LATCHKEY_TOKENS": (tuple(f"latchkey.v1.token.{name}.*" for name in _TOKEN_TELEMETRY), timedelta(hours=72)),
    "LATCHKEY_DLQ": (
        tuple(
            f"$JS.EVENT.ADVISORY.CONSUMER.{end}.{stream}.*"
            for end in ("MAX_DELIVERIES", "MSG_TERMINATED")
            for stream in ("LATCHKEY_EVENTS", "LATCHKEY_TOKENS")
        ),
        timedelta(days=30),
    ),
}
"""Stream -> its subjects and its retention."""

SHARES: Mapping[str, float] = {"LATCHKEY_EVENTS": 0.6, "LATCHKEY_TOKENS": 0.3, "LATCHKEY_DLQ": 0.05}
"""Of LATCHKEY_NATS_STREAM_BYTES, so that token telemetry cannot take the storage of security events."""
FILL_WARNING = 0.8
MEASURE_SECONDS = 60.0

Listener = Callable[[str], Awaitable[None]]
Follower = Callable[[bytes], Awaitable[None]]


class Bus:
    """One connection to NATS, which reconnects automatically. `run` is a background task of the service.

    Args:
        publishes: the service publishes events and so needs the streams. A service that only receives does not.
        keeps_streams: the service creates the streams and adds subjects that newer code publishes. Only one service has
            this right (deploy/provision/nats_rights.py); the others wait until the streams exist.
        mirror: keep the streams of an account with copies (libs/servicekit/nats/mirrors.py) instead of the originals.
    """

    def __init__(
        self,
        settings: BusSettings,
        *,
        service: str,
        publishes: bool = True,
        keeps_streams: bool = False,
        mirror: Mirror | None = None,
    ) -> None:
        self._streams = tuple(STREAMS) if publishes else ()
        self._keeps_streams = keeps_streams
        self._mirror = mirror
        self._settings = settings
        self._service = service
        self._inbox = f"_INBOX_{service.replace('-', '_')}"
        self._client = Client()
        self._acks = PublishAcks(self._client)
        self._listeners: dict[str, Listener] = {}
        self._followers: dict[str, Follower] = {}
        self._streams_ready = asyncio.Event()
        self._check_streams = asyncio.Event()
        self._last_error = ""
        self._full: set[str] = set()

    def listen(self, subject: str, listener: Listener) -> None:
        """Call `listener(subject)` for every message while connected; missed messages are lost. Call before `run`."""
        self._listeners[subject] = listener

    def follow(self, subject: str, follower: Follower) -> None:
        """Like `listen`, with the envelope of each event."""
        self._followers[subject] = follower

    @property
    def ready(self) -> bool:
        """Whether NATS is connected and the streams exist."""
        return self._client.is_connected and self._streams_ready.is_set()

    async def until_ready(self) -> None:
        """Wait, without a timeout, until the streams exist."""
        await self._streams_ready.wait()

    @property
    def jetstream(self) -> JetStreamContext:
        """The JetStream API for consumers (consumer.py). Requests fail while NATS is unavailable."""
        return self._client.jetstream(timeout=ACK_SECONDS)

    async def run(self) -> None:
        """Connect, create the streams or wait for them, and keep the connection until cancelled."""
        try:
            await self._client.connect(
                self._settings.nats_url.split(","),
                name=f"latchkey {self._service}",
                user_credentials=str(self._settings.nats_creds) if self._settings.nats_creds else None,
                inbox_prefix=self._inbox,
                max_reconnect_attempts=-1,
                reconnect_time_wait=RETRY_SECONDS,
                connect_timeout=2,
                error_cb=self._on_error,
                disconnected_cb=self._recheck_streams,
                reconnected_cb=self._recheck_streams,
            )
            await self._acks.listen()
            for subject, listener in self._listeners.items():
                await self._client.subscribe(subject, cb=_forward_subject(listener))
            for subject, follower in self._followers.items():
                await self._client.subscribe(subject, cb=_forward_data(follower))
            while True:
                self._check_streams.clear()
                await self._find_streams()
                _raise_if_cancelled()
                if not self._keeps_streams:
                    await self._check_streams.wait()
                while self._keeps_streams and not self._check_streams.is_set():
                    await self._measure_streams()
                    _raise_if_cancelled()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._check_streams.wait(), MEASURE_SECONDS)
        finally:
            await self._close()

    async def _on_error(self, error: Exception) -> None:
        """Log an error once: while NATS is unavailable, the client reports the same error every second."""
        cause = str(error) or type(error).__name__
        if cause != self._last_error:
            self._last_error = cause
            _log.warning("nats.error", message="NATS client reported an error", cause=cause)

    async def _close(self) -> None:
        try:
            await asyncio.wait_for(self._client.close(), 2)
        except (TimeoutError, NatsError, OSError):
            _log.debug("nats.close_failed", message="NATS connection did not close cleanly")

    async def _recheck_streams(self) -> None:
        """After a reconnect the streams may be missing: the server may have a new volume or be another cluster."""
        self._streams_ready.clear()
        self._check_streams.set()

    async def _find_streams(self) -> None:
        while not self._streams_ready.is_set():
            try:
                for name in self._streams:
                    await self._find_stream(name)
            except NotFoundError:
                _log.debug("nats.stream_missing", message="NATS stream does not exist yet")
                await asyncio.sleep(WAIT_SECONDS)
            except (NatsError, TimeoutError, OSError) as error:
                _raise_if_cancelled()
                _log.warning("nats.streams_unavailable", message="NATS streams are unavailable", cause=str(error))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._streams_ready.set()
                self._last_error = ""

    async def _find_stream(self, name: str) -> None:
        """Find or create the stream. Raises NotFoundError if it is missing and another service creates it."""
        jetstream = self._client.jetstream(timeout=ACK_SECONDS)
        try:
            present = (await jetstream.stream_info(name)).config
        except NotFoundError:
            if not self._keeps_streams:
                raise
            await jetstream.add_stream(self._stream(name))
            return
        # Only add subjects: an older replica must not remove the subjects of a newer one, nor change the settings of
        # an operator.
        subjects = present.subjects or []
        missing = [subject for subject in self._subjects(name) if subject not in subjects]
        unlimited = (present.max_bytes or -1) < 0  # made by a version before 0.2
        if (missing or unlimited) and self._keeps_streams:
            limit = self._max_bytes(name) if unlimited else present.max_bytes
            await jetstream.update_stream(present.evolve(subjects=[*subjects, *missing] or None, max_bytes=limit))

    async def _measure_streams(self) -> None:
        """Sets the fill level of each stream, and warns when a stream is about to drop its oldest events."""
        account = self._mirror.account if self._mirror else "services"
        try:
            for name in self._streams:
                info = await self.jetstream.stream_info(name)
                fill = info.state.bytes / max(info.config.max_bytes or 0, 1)
                STREAM_FILL.labels(account, name).set(fill)
                if fill > FILL_WARNING and name not in self._full:
                    _log.warning(
                        "stream.nearly_full",
                        message="A NATS stream is nearly full: it will drop its oldest events",
                        account=account,
                        stream=name,
                        fill=round(fill, 2),
                    )
                    self._full.add(name)
                elif fill <= FILL_WARNING:
                    self._full.discard(name)
        except (NatsError, TimeoutError, OSError):
            return  # measured again later; the connection reports its own errors

    def _subjects(self, name: str) -> Sequence[str]:
        """What the stream takes in from clients; a copy takes in nothing but redriven events."""
        if self._mirror is None or name not in MIRRORED:
            return STREAMS[name][0]
        return (f"{REDRIVEN}.*",) if self._mirror.redrives and name == MIRRORED[0] else ()

    def _max_bytes(self, name: str) -> int:
        return int(self._settings.nats_stream_bytes * SHARES[name])

    def _stream(self, name: str) -> StreamConfig:
        kept = STREAMS[name][1]
        sources = None
        if self._mirror is not None and name in MIRRORED:
            external = ExternalStream(api=ORIGIN_API, deliver=self._mirror.delivery)
            sources = [StreamSource(name=name, external=external)]
        return StreamConfig(
            name=name,
            subjects=list(self._subjects(name)) or None,
            sources=sources,
            max_bytes=self._max_bytes(name),
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.OLD,
            storage=StorageType.FILE,
            max_age=kept.total_seconds(),
            duplicate_window=DUPLICATE_WINDOW.total_seconds(),
            num_replicas=self._settings.nats_replicas,
            deny_delete=True,
            deny_purge=True,
        )

    async def publish(self, message: Outgoing) -> None:
        """Publish a message and wait for the acknowledgement of the stream.

        Raises:
            ConnectionError: the stream did not acknowledge it: retry later.
        """
        for cause in (await self.publish_all([message])).values():
            raise ConnectionError(cause)

    async def publish_all(self, messages: Sequence[Outgoing]) -> Mapping[str, str]:
        """Publish messages in this order without waiting in between, then wait for all acknowledgements.

        Acknowledged messages are in the stream in this order. A retried message may follow messages that were after it.

        Returns:
            The cause for each message that the stream did not acknowledge, by event id: retry these later.

        Raises:
            ConnectionError: NATS is unavailable; no message is acknowledged.
        """
        if not self.ready:
            raise ConnectionError("NATS is unavailable")
        try:
            return await self._acks.publish(messages, seconds=ACK_SECONDS)
        except (NatsError, OSError) as error:
            raise ConnectionError(str(error) or type(error).__name__) from error

    async def request(self, subject: str, body: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109 - part of the contract
        """Send a request and return the first response.

        Raises:
            ConnectionError: NATS is unavailable, the subject has no subscriber, or no response arrived within `timeout`
                seconds.
        """
        if not self._client.is_connected:
            raise ConnectionError("NATS is unavailable")
        try:
            return (await self._client.request(subject, body, timeout=timeout)).data
        except (NatsError, TimeoutError, OSError) as error:
            raise ConnectionError(str(error) or type(error).__name__) from error

    async def check(self) -> CheckResult:
        """A failure is only a warning: sign-in and tokens work without NATS."""
        detail = "connected" if self.ready else "not connected: events stay queued"
        return CheckResult(ok=self.ready, detail=detail, required=False)


def _forward_subject(listener: Listener) -> Callable[[Msg], Awaitable[None]]:
    async def on_message(message: Msg) -> None:
        await listener(message.subject)

    return on_message


def _forward_data(follower: Follower) -> Callable[[Msg], Awaitable[None]]:
    async def on_message(message: Msg) -> None:
        await follower(message.data)

    return on_message


def _raise_if_cancelled() -> None:
    """A cancelled request of the NATS client may end with its result, or with an error of the client."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError

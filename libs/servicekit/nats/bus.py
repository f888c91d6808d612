"""NATS: publishing events to JetStream, and hearing of others' events to refresh what is cached.

The bus may be away at any time, at start as well. Nothing here makes a request wait for it.
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
from libs.servicekit.nats.publish_acks import Confirmations, Outgoing

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
"""Between two looks whether whoever makes the streams has made them."""

REDRIVEN = "latchkey.redriven"
"""Below it, by the name of one consumer: what an operator gives that consumer once more."""
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
"""Stream -> what it takes in, and for how long it keeps it."""

SHARES: Mapping[str, float] = {"LATCHKEY_EVENTS": 0.6, "LATCHKEY_TOKENS": 0.3, "LATCHKEY_DLQ": 0.05}
"""Of the storage of an account (`LATCHKEY_NATS_STREAM_BYTES`): token telemetry cannot take the room of security events."""
FILL_WARNING = 0.8
MEASURE_SECONDS = 60.0

Listener = Callable[[str], Awaitable[None]]
Follower = Callable[[bytes], Awaitable[None]]


class Bus:
    """One connection that comes back by itself. `run` is a background task of the service.

    Args:
        publishes: it tells events, and so needs the streams. Who only hears does not.
        keeps_streams: it makes the streams, and widens them when newer code has more to tell. One service alone may
            (deploy/provision/nats_rights.py); the others wait for it.
        mirror: keep the streams of an account with copies, instead of the originals.
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
        self._confirmations = Confirmations(self._client)
        self._listeners: dict[str, Listener] = {}
        self._followers: dict[str, Follower] = {}
        self._streams_ready = asyncio.Event()
        self._doubtful = asyncio.Event()
        self._complaint = ""
        self._full: set[str] = set()

    def listen(self, subject: str, listener: Listener) -> None:
        """Calls `listener(subject)` for every message from now on; missed ones are never told. Before `run`."""
        self._listeners[subject] = listener

    def follow(self, subject: str, follower: Follower) -> None:
        """As `listen`, with the envelope of each event."""
        self._followers[subject] = follower

    @property
    def ready(self) -> bool:
        """Is publishing worth a try?"""
        return self._client.is_connected and self._streams_ready.is_set()

    async def until_ready(self) -> None:
        """Returns when publishing is worth a try, at once or after however long."""
        await self._streams_ready.wait()

    @property
    def jetstream(self) -> JetStreamContext:
        """For consumers (consumer.py); what is asked while the bus is away fails."""
        return self._client.jetstream(timeout=ACK_SECONDS)

    async def run(self) -> None:
        """Connects, makes the streams or waits for them, and stays until cancelled."""
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
                disconnected_cb=self._forget_streams,
                reconnected_cb=self._forget_streams,
            )
            await self._confirmations.listen()
            for subject, listener in self._listeners.items():
                await self._client.subscribe(subject, cb=_forward(listener))
            for subject, follower in self._followers.items():
                await self._client.subscribe(subject, cb=_hand_over(follower))
            while True:
                self._doubtful.clear()
                await self._find_streams()
                if not self._keeps_streams:
                    await self._doubtful.wait()
                while self._keeps_streams and not self._doubtful.is_set():
                    await self._measure_streams()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._doubtful.wait(), MEASURE_SECONDS)
        finally:
            await self._close()

    async def _on_error(self, error: Exception) -> None:
        """Says once what is wrong: while the server is away, the same complaint comes every second."""
        complaint = str(error) or type(error).__name__
        if complaint != self._complaint:
            self._complaint = complaint
            _log.warning("The bus reports", cause=complaint)

    async def _close(self) -> None:
        try:
            await asyncio.wait_for(self._client.close(), 2)
        except (TimeoutError, NatsError, OSError):
            _log.debug("The bus did not say goodbye")

    async def _forget_streams(self) -> None:
        """The server may lose its memory, or be another one afterwards: a fresh volume, another cluster."""
        self._streams_ready.clear()
        self._doubtful.set()

    async def _find_streams(self) -> None:
        while not self._streams_ready.is_set():
            try:
                for name in self._streams:
                    await self._find_stream(name)
            except NotFoundError:
                _log.debug("There is no stream yet")
                await asyncio.sleep(WAIT_SECONDS)
            except (NatsError, TimeoutError, OSError) as error:
                _log.warning("The streams cannot be used yet", cause=str(error))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._streams_ready.set()
                self._complaint = ""

    async def _find_stream(self, name: str) -> None:
        """Raises NotFoundError when there is none and another service makes it."""
        jetstream = self._client.jetstream(timeout=ACK_SECONDS)
        try:
            present = (await jetstream.stream_info(name)).config
        except NotFoundError:
            if not self._keeps_streams:
                raise
            await jetstream.add_stream(self._stream(name))
            return
        # Only ever wider, and nothing else: an older replica must not take away what a newer one publishes, nor undo
        # what an operator has set.
        taken_in = present.subjects or []
        missing = [subject for subject in self._subjects(name) if subject not in taken_in]
        unlimited = (present.max_bytes or -1) < 0  # made by a version before 0.2
        if (missing or unlimited) and self._keeps_streams:
            limit = self._max_bytes(name) if unlimited else present.max_bytes
            await jetstream.update_stream(present.evolve(subjects=[*taken_in, *missing] or None, max_bytes=limit))

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
            return  # measured again in a moment; the connection reports its own errors

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
        """Publishes and waits until the stream has it.

        Raises:
            ConnectionError: it is not certain that the stream has it: try again later.
        """
        for why_not in (await self.publish_all([message])).values():
            raise ConnectionError(why_not)

    async def publish_all(self, messages: Sequence[Outgoing]) -> Mapping[str, str]:
        """Publishes in this order, without waiting in between, and waits until the stream has said something to each.

        Why it may not have them, by event id, of those of which it is not certain: try them again later. Order holds
        among those that it has; one that it refused may come after those that followed it.

        Raises:
            ConnectionError: it is certain of none.
        """
        if not self.ready:
            raise ConnectionError("the bus is away")
        try:
            return await self._confirmations.publish(messages, seconds=ACK_SECONDS)
        except (NatsError, OSError) as error:
            raise ConnectionError(str(error) or type(error).__name__) from error

    async def request(self, subject: str, body: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109 - a promise
        """The answer of one of those who listen there.

        Raises:
            ConnectionError: the bus is away, nobody listens, or nobody answered within `timeout` seconds.
        """
        if not self._client.is_connected:
            raise ConnectionError("the bus is away")
        try:
            return (await self._client.request(subject, body, timeout=timeout)).data
        except (NatsError, TimeoutError, OSError) as error:
            raise ConnectionError(str(error) or type(error).__name__) from error

    async def check(self) -> CheckResult:
        """A warning at most: sign-in and tokens go on without the bus."""
        return CheckResult(ok=self.ready, detail="connected" if self.ready else "away: events wait", required=False)


def _forward(listener: Listener) -> Callable[[Msg], Awaitable[None]]:
    async def on_message(message: Msg) -> None:
        await listener(message.subject)

    return on_message


def _hand_over(follower: Follower) -> Callable[[Msg], Awaitable[None]]:
    async def on_message(message: Msg) -> None:
        await follower(message.data)

    return on_message

"""One connection to NATS that comes back by itself, and tells in plain words why it cannot."""

import asyncio
import base64
import binascii
import json
import logging
import re
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from nats.aio.client import Client
from nats.errors import AuthorizationError
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from latchkey_sdk.errors import AccessRefused, BusUnreachable, LatchkeyError

DEFAULT_INBOX = "_INBOX"
DEFAULT_API = "$JS.API"
_PULL = ".CONSUMER.MSG.NEXT."
RECONNECT_SECONDS = 0.5
PING_SECONDS = 20
REQUEST_SECONDS = 5.0
_REFUSALS = re.compile(r"authorization violation|authentication (expired|revoked)", re.IGNORECASE)
_log = logging.getLogger("latchkey_sdk")
_T = TypeVar("_T")


class Connection:
    """A NATS client for one subscription.

    Args:
        servers: one or more nats:// URLs.
        creds: a NATS .creds file.
        inbox_prefix: where the server may answer; when not given, what the credentials permit.
        on_reconnect: called after every return of the server.

    `failed` is resolved with what makes going on useless: refused access, or a connection closed for good.
    """

    def __init__(
        self,
        *,
        servers: str | Sequence[str],
        creds: str | Path | None,
        inbox_prefix: str | None,
        on_reconnect: Callable[[], None],
    ) -> None:
        self._servers = servers.split(",") if isinstance(servers, str) else list(servers)
        self._creds = Path(creds) if creds else None
        self._inbox_prefix = inbox_prefix
        self._on_reconnect = on_reconnect
        self._last_error = ""
        self._closing = False
        self.failed: asyncio.Future[LatchkeyError] = asyncio.get_running_loop().create_future()
        self.client = Client()
        self.api = DEFAULT_API

    @property
    def _address(self) -> str:
        return ", ".join(self._servers)

    @property
    def working(self) -> bool:
        """Is it of use to say something to the server now?"""
        return self.client.is_connected and not self.failed.done()

    @property
    def jetstream(self) -> JetStreamContext:
        return self.client.jetstream(timeout=REQUEST_SECONDS, prefix=self.api)

    async def open(self, *, timeout: float) -> None:  # noqa: ASYNC109 # a promise to the caller, kept below
        """Connects; a server that is not there yet is tried again for `timeout` seconds.

        Raises:
            BusUnreachable: no server answered in time.
            AccessRefused: the credentials cannot be read or are not accepted.
        """
        ways = ways_of(self._creds) if self._creds else Ways()
        self.api = ways.api
        try:
            await self.unless_failed(self._connect(self._inbox_prefix or ways.inbox), timeout=timeout)
        except TimeoutError:
            await self.close()
            raise BusUnreachable(f"cannot reach NATS at {self._address}: {self._last_error or 'no answer'}") from None
        except BaseException:
            await self.close()
            raise

    async def _connect(self, inbox_prefix: str) -> None:
        await self.client.connect(
            self._servers,
            name="latchkey-sdk",
            user_credentials=str(self._creds) if self._creds else None,
            inbox_prefix=inbox_prefix,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_SECONDS,  # type: ignore[arg-type] # annotated int, used as seconds
            ping_interval=PING_SECONDS,
            connect_timeout=2,
            error_cb=self._on_error,
            reconnected_cb=self._on_return,
            closed_cb=self._on_close,
        )

    async def unless_failed(self, work: Coroutine[Any, Any, _T], *, timeout: float | None = None) -> _T:  # noqa: ASYNC109
        """The result of the work, or at once the failure of the connection when that comes first.

        Raises:
            LatchkeyError: the connection failed.
            TimeoutError: neither within `timeout` seconds.
        """
        task = asyncio.create_task(work)
        try:
            either: set[asyncio.Future[Any]] = {task, self.failed}
            await asyncio.wait(either, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            if self.failed.done():
                raise self.failed.result()
            raise TimeoutError
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    def fail(self, error: LatchkeyError) -> None:
        """Going on is useless; the first reason counts."""
        if not self.failed.done() and not self._closing:
            self.failed.set_result(error)

    async def close(self) -> None:
        """Ends the connection; what was acknowledged before is on its way to the server."""
        self._closing = True
        with suppress(NatsError, OSError, TimeoutError):
            if self.client.is_connected:
                await self.client.flush(timeout=2)
        with suppress(NatsError, OSError, TimeoutError):
            await self.client.close()

    async def _on_return(self) -> None:
        self._on_reconnect()

    async def _on_error(self, error: Exception) -> None:
        self._last_error = str(error) or type(error).__name__
        _log.debug("NATS reports: %s", self._last_error)
        if isinstance(error, AuthorizationError) or _REFUSALS.search(self._last_error):
            self.fail(AccessRefused(f"NATS at {self._address} does not accept these credentials"))
        elif "permissions violation" in self._last_error.lower():
            self.fail(AccessRefused(f"the credentials do not permit this ({self._last_error})"))

    async def _on_close(self) -> None:
        self.fail(BusUnreachable(f"the connection to NATS was closed: {self._last_error or 'no reason given'}"))


@dataclass(frozen=True)
class Ways:
    """Under which names a user may ask, and be answered."""

    inbox: str = DEFAULT_INBOX
    api: str = DEFAULT_API
    """Of JetStream: another one in an account that has it from elsewhere."""


def ways_of(creds: Path) -> Ways:
    """What the JWT in a .creds file permits; the usual where it does not limit it.

    Raises:
        AccessRefused: the file cannot be read or is no .creds file.
    """
    try:
        lines = creds.read_text(encoding="ascii").splitlines()
        claims = lines[lines.index("-----BEGIN NATS USER JWT-----") + 1].split(".")[1]
        permissions = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["nats"]
        subscribe = permissions.get("sub", {}).get("allow") or ()
        publish = permissions.get("pub", {}).get("allow") or ()
    except OSError as error:
        raise AccessRefused(f"the credentials {creds} cannot be read: {error.strerror}") from None
    except (ValueError, LookupError, binascii.Error):
        raise AccessRefused(f"{creds} is not a NATS .creds file") from None
    inboxes = [subject.removesuffix(".>") for subject in subscribe if subject.startswith("_INBOX")]
    apis = [subject.partition(_PULL)[0] for subject in publish if _PULL in subject]
    return Ways(_usual_or_first(DEFAULT_INBOX, inboxes), _usual_or_first(DEFAULT_API, apis))


def _usual_or_first(usual: str, permitted: Sequence[str]) -> str:
    return usual if usual in permitted or not permitted else permitted[0]

"""A NATS connection that reconnects automatically and reports why it cannot connect."""

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
        inbox_prefix: prefix of reply subjects; default: the one that the credentials permit.
        on_reconnect: called after every reconnect.

    `failed` is resolved with a permanent error: access refused, or connection closed.
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
        """True if requests can be sent now."""
        return self.client.is_connected and not self.failed.done()

    @property
    def jetstream(self) -> JetStreamContext:
        return self.client.jetstream(timeout=REQUEST_SECONDS, prefix=self.api)

    async def open(self, *, timeout: float) -> None:  # noqa: ASYNC109 # part of the interface; applied below
        """Connect. Retries for `timeout` seconds.

        Raises:
            BusUnreachable: no server responded in time.
            AccessRefused: the credentials cannot be read or were refused.
        """
        scope = credential_scope(self._creds) if self._creds else CredentialScope()
        self.api = scope.api
        try:
            await self.unless_failed(self._connect(self._inbox_prefix or scope.inbox), timeout=timeout)
        except TimeoutError:
            await self.close()
            raise BusUnreachable(f"cannot reach NATS at {self._address}: {self._last_error or 'no response'}") from None
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
        """Return the result of the work. Raises at once if the connection fails.

        Raises:
            LatchkeyError: the connection failed.
            TimeoutError: no result within `timeout` seconds.
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
        """Report a permanent error. The first one counts."""
        if not self.failed.done() and not self._closing:
            self.failed.set_result(error)

    async def close(self) -> None:
        """Close the connection, after flushing acknowledgements."""
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
            self.fail(AccessRefused(f"NATS at {self._address} refused the credentials"))
        elif "permissions violation" in self._last_error.lower():
            self.fail(AccessRefused(f"the credentials do not permit this ({self._last_error})"))

    async def _on_close(self) -> None:
        self.fail(BusUnreachable(f"the connection to NATS was closed: {self._last_error or 'no reason given'}"))


@dataclass(frozen=True)
class CredentialScope:
    """Subject prefixes that the credentials permit."""

    inbox: str = DEFAULT_INBOX
    api: str = DEFAULT_API
    """Prefix of the JetStream API; differs in an account that imports JetStream from another account."""


def credential_scope(creds: Path) -> CredentialScope:
    """Read the permitted prefixes from the JWT in a .creds file; defaults if it has no limits.

    Raises:
        AccessRefused: the file cannot be read or is not a .creds file.
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
    return CredentialScope(_usual_or_first(DEFAULT_INBOX, inboxes), _usual_or_first(DEFAULT_API, apis))


def _usual_or_first(usual: str, permitted: Sequence[str]) -> str:
    return usual if usual in permitted or not permitted else permitted[0]

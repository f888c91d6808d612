"""Password hashing in a bounded pool, so that many sign-ins cannot use up the memory."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import BoundedSemaphore
from time import monotonic
from typing import TypeVar

from prometheus_client import Counter

from libs.crypto import passwords
from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason

RETRY_AFTER_SECONDS = 2
SPREAD = 1.25
"""How much longer than the last one a verification may take by chance."""
MAX_FLOOR = 2.0
_REFUSED = Counter("latchkey_password_queue_refused_total", "Hash operations refused because the queue was full.")
_T = TypeVar("_T")


class PasswordPool:
    """At most `workers` operations at once (19 MiB and one core each) and `queue` waiting behind them.

    argon2 runs without the interpreter lock, so threads are enough.
    """

    def __init__(self, *, workers: int, queue: int) -> None:
        self._executor = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="argon2")
        self._places = BoundedSemaphore(workers + queue)
        self._floor = 0.0
        """Minimum duration of a refusal, once an imported hash took longer than argon2id: it must not disclose which
        account has an imported hash."""

    async def hash(self, password: str) -> str:
        """The hash to store.

        Raises:
            TemporarilyUnavailable: the queue is full.
            PasswordTooLong: see libs.crypto.passwords.
        """
        return await self._run(lambda: passwords.hash_password(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password matches. Without a hash: False after the same work, to prevent user enumeration.

        Raises:
            TemporarilyUnavailable: the queue is full.
        """
        began = monotonic()
        timed = await self._run(lambda: _timed(password_hash or passwords.DUMMY, password))
        if password_hash and not passwords.is_ours(password_hash):
            self._floor = max(self._floor, min(timed.seconds * SPREAD, MAX_FLOOR))
        if not timed.matches or not password_hash:
            await asyncio.sleep(max(began + self._floor - monotonic(), 0))
            return False
        return True

    def outdated(self, password_hash: str) -> bool:
        return passwords.needs_rehash(password_hash)

    def close(self) -> None:
        """Waits for running operations and cancels queued ones."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    async def _run(self, operation: Callable[[], _T]) -> _T:
        if not self._places.acquire(blocking=False):
            _REFUSED.inc()
            raise TemporarilyUnavailable(
                reason=Reason.PASSWORD_QUEUE_FULL, redirectable=False, retry_after=RETRY_AFTER_SECONDS
            )
        try:
            future = self._executor.submit(operation)
        except RuntimeError:
            self._places.release()
            raise
        # The place is free when the thread is, and not when a caller has stopped waiting for it.
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)


@dataclass(frozen=True)
class _Timed:
    matches: bool
    seconds: float


def _timed(password_hash: str, password: str) -> _Timed:
    began = monotonic()
    matches = passwords.verify_password(password_hash, password)
    if not matches and not passwords.is_ours(password_hash):
        # Formats that are fast to verify must not disclose which account has an imported hash.
        passwords.verify_password(passwords.DUMMY, password)
    return _Timed(matches, monotonic() - began)

"""Name resolution by the operating system (hosts file, search list, DNS)."""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol


class Resolver(Protocol):
    async def resolve(self, host: str) -> Sequence[str]:
        """Return all addresses of a name, the preferred one first. Raises OSError if there are none."""

    async def close(self) -> None:
        """Release the resources."""


class SystemResolver:
    """`getaddrinfo` in its own thread pool.

    A lookup cannot be cancelled: if a name server does not respond, its thread stays blocked after the timeout. The
    separate pool limits the effect to fetches.
    """

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="fetch-resolver")

    async def resolve(self, host: str) -> Sequence[str]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, _addresses, host)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _addresses(host: str) -> Sequence[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))

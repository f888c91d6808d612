"""Names to addresses, as the system resolves them (hosts file, search list, DNS)."""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol


class Resolver(Protocol):
    async def resolve(self, host: str) -> Sequence[str]:
        """All addresses of a name as texts, the preferred one first; raises OSError when there are none."""

    async def close(self) -> None:
        """Ends what resolving needs."""


class SystemResolver:
    """`getaddrinfo` in threads of its own.

    A look-up cannot be interrupted: against a name server that never answers, its thread lives on after we have given
    up. Such threads use up this pool and no other, so that they hold up fetches and nothing else.
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

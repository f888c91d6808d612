"""Checks a password against a list of breached passwords without disclosing the password."""

import asyncio
import hashlib
from pathlib import Path
from typing import BinaryIO, Protocol

from libs.fetch.errors import FetchRefused
from libs.fetch.fetcher import Fetched

_PREFIX = 5
_HASH_LENGTH = 40
_MAX_BYTES = 256 * 1024
_MAX_LINE_BYTES = 128


class LookUpFailedError(Exception):
    """The check could not be done. The message contains no part of the password."""


class Get(Protocol):
    async def get(self, url: str, *, accept: tuple[str, ...], limit: int, headers: dict[str, str]) -> Fetched: ...


class BreachedInRanges:
    """A range service (k-anonymity): it receives 5 hex digits of the SHA-1 and returns all matching suffixes.

    Args:
        url: prefix to which the five digits are appended, for example https://api.pwnedpasswords.com/range/.
    """

    def __init__(self, fetcher: Get, url: str) -> None:
        self._fetcher = fetcher
        self._url = url

    async def __call__(self, password: str) -> bool:
        """Raises LookUpFailedError."""
        digest = _digest(password)
        try:
            # The padding makes responses equally long, so that their length does not disclose the range.
            fetched = await self._fetcher.get(
                self._url + digest[:_PREFIX],
                accept=("text/plain",),
                limit=_MAX_BYTES,
                headers={"Add-Padding": "true"},
            )
            lines = fetched.body.decode("ascii").upper().split()
        except (FetchRefused, UnicodeDecodeError) as error:
            raise LookUpFailedError(str(error)) from None
        counts = dict(line.partition(":")[::2] for line in lines)
        return counts.get(digest[_PREFIX:], "0") not in {"0", ""}  # padding entries have a count of 0


class BreachedInFile:
    """A file of SHA-1 digests in hexadecimal, one at the beginning of each line, in order; `:count` may follow."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def __call__(self, password: str) -> bool:
        """Raises LookUpFailedError."""
        try:
            return await asyncio.to_thread(_is_in, self._path, _digest(password))
        except OSError as error:
            raise LookUpFailedError(type(error).__name__) from None


def _digest(password: str) -> str:
    """Such lists contain SHA-1 digests. It is not used for security here."""
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


def _is_in(path: Path, digest: str) -> bool:
    """Binary search by file position: the file has tens of gigabytes."""
    wanted = digest.encode()
    with path.open("rb") as file:
        low, high = 0, file.seek(0, 2)
        while low < high:
            middle = (low + high) // 2
            start, found = _line_from(file, middle)
            if not found or found > wanted:
                high = middle
            elif found < wanted:
                low = start + 1
            else:
                return True
    return False


def _line_from(file: BinaryIO, position: int) -> tuple[int, bytes]:
    """The first line that begins at or after the position: where, and its digest; nothing behind the last one."""
    file.seek(max(position - 1, 0))
    if position:
        file.readline(_MAX_LINE_BYTES)
    start = file.tell()
    return start, file.readline(_MAX_LINE_BYTES)[:_HASH_LENGTH].upper()

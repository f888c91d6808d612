"""Identifiers and secrets, all from the operating system's random source."""

import base64
import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def new_secret() -> str:
    """256 random bits in 43 base64url characters: codes, refresh tokens, cookies, client secrets."""
    return secrets.token_urlsafe(32)


def new_code(alphabet: str, length: int) -> str:
    """Random characters of the alphabet, for codes that people type: `length` times log2 of its size in bits."""
    return "".join(secrets.choice(alphabet) for _ in range(length))


def new_client_id() -> str:
    """128 random bits behind `c_`, so that no client id can be mistaken for a user's `sub`, a UUID (RFC 9700 4.15)."""
    return "c_" + base64.b32encode(secrets.token_bytes(16)).decode("ascii").rstrip("=").lower()


def uuid7(now: datetime) -> str:
    """A UUID that sorts by the time of its making, to about a quarter of a microsecond (RFC 9562 5.7, 6.2 method 3)."""
    microseconds = (now - _EPOCH) // _MICROSECOND
    milliseconds, rest = divmod(microseconds, 1000)
    fraction = rest * 4096 // 1000
    high = (milliseconds & (1 << 48) - 1) << 16 | 0x7 << 12 | fraction
    low = 0b10 << 62 | secrets.randbits(62)
    return str(UUID(int=high << 64 | low))

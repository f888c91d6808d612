"""Random identifiers and secrets from the operating system's random source."""

import base64
import secrets
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def new_secret() -> str:
    """Return 256 random bits in 43 base64url characters, for codes, refresh tokens, cookies and client secrets."""
    return secrets.token_urlsafe(32)


def new_code(alphabet: str, length: int) -> str:
    """Return random characters of the alphabet, for codes that users type."""
    return "".join(secrets.choice(alphabet) for _ in range(length))


def new_client_id() -> str:
    """Return `c_` and 128 random bits. The prefix keeps client ids distinct from user ids (RFC 9700 4.15)."""
    return "c_" + base64.b32encode(secrets.token_bytes(16)).decode("ascii").rstrip("=").lower()


def uuid7(now: datetime) -> str:
    """Return a UUID that sorts by creation time, to about a quarter of a microsecond (RFC 9562 5.7, 6.2 method 3)."""
    milliseconds, rest = divmod((now - _EPOCH) // _MICROSECOND, 1000)
    high = (milliseconds & (1 << 48) - 1) << 16 | 0x7 << 12 | rest * 4096 // 1000
    low = 0b10 << 62 | int.from_bytes(secrets.token_bytes(8)) >> 2
    # Each token needs two of them, and the uuid module takes four times as long to format one.
    digits = f"{high << 64 | low:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

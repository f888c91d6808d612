"""One-time passwords by the clock (RFC 6238), as every authenticator app makes them: SHA-1, six digits, 30 seconds."""

import base64
import hmac
import secrets
from datetime import datetime

import pyotp

DIGITS = 6
STEP_SECONDS = 30
_SECRET_BYTES = 20
"""RFC 4226 4 (R6): 160 bits, which is what apps expect."""
_WINDOW = 1
"""Steps before and after the present one: for a clock that is off, and for slow fingers (RFC 6238 5.2)."""


def new_totp_secret() -> bytes:
    return secrets.token_bytes(_SECRET_BYTES)


def as_base32(secret: bytes) -> str:
    """The secret as people type it into an app."""
    return base64.b32encode(secret).decode("ascii").rstrip("=")


def totp_step(now: datetime) -> int:
    """The number of the present step."""
    return int(now.timestamp()) // STEP_SECONDS


def totp_code(secret: bytes, step: int) -> str:
    return pyotp.HOTP(as_base32(secret), digits=DIGITS).at(step)


def matching_step(secret: bytes, code: str, *, now: datetime, after: int) -> int | None:
    """The first step in reach, later than `after`, whose code this is.

    All codes in reach are made and compared in full, so the time does not tell which of them was near.
    """
    present = totp_step(now)
    steps = range(present - _WINDOW, present + _WINDOW + 1)
    typed = code.encode()
    matches = [hmac.compare_digest(totp_code(secret, step).encode(), typed) for step in steps]
    return next((step for step, matched in zip(steps, matches, strict=True) if matched and step > after), None)


def provisioning_uri(secret: bytes, *, issuer: str, account: str) -> str:
    """The `otpauth:` URI that an app reads from a QR code."""
    return pyotp.TOTP(as_base32(secret), digits=DIGITS).provisioning_uri(name=account, issuer_name=issuer)

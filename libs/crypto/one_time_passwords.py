"""Time-based one-time passwords (RFC 6238) with the parameters of authenticator apps: SHA-1, six digits, 30 seconds."""

import base64
import hmac
import secrets
from datetime import datetime

import pyotp

DIGITS = 6
STEP_SECONDS = 30
_SECRET_BYTES = 20
"""160 bits, as apps expect (RFC 4226 4, R6)."""
_WINDOW = 1
"""Accepted steps before and after the current one, for clock skew and slow typing (RFC 6238 5.2)."""


def new_totp_secret() -> bytes:
    return secrets.token_bytes(_SECRET_BYTES)


def as_base32(secret: bytes) -> str:
    """Return the secret as users type it into an app."""
    return base64.b32encode(secret).decode("ascii").rstrip("=")


def totp_step(now: datetime) -> int:
    """Return the number of the current step."""
    return int(now.timestamp()) // STEP_SECONDS


def totp_code(secret: bytes, step: int) -> str:
    return pyotp.HOTP(as_base32(secret), digits=DIGITS).at(step)


def matching_step(secret: bytes, code: str, *, now: datetime, after: int) -> int | None:
    """Return the first step within the window and later than `after` whose code matches, or None.

    Compares all codes of the window in constant time.
    """
    present = totp_step(now)
    steps = range(present - _WINDOW, present + _WINDOW + 1)
    typed = code.encode()
    matches = [hmac.compare_digest(totp_code(secret, step).encode(), typed) for step in steps]
    return next((step for step, matched in zip(steps, matches, strict=True) if matched and step > after), None)


def provisioning_uri(secret: bytes, *, issuer: str, account: str) -> str:
    """Return the `otpauth:` URI for the QR code."""
    return pyotp.TOTP(as_base32(secret), digits=DIGITS).provisioning_uri(name=account, issuer_name=issuer)

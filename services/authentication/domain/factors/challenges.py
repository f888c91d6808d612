"""Passkey challenges: created and verified without storing them, and valid once.

Each sign-in page contains one, so issued challenges are not stored. A challenge contains its expiry time
and is signed together with its purpose and its receiver. Only a challenge that a valid passkey has signed is
stored, as used, until it expires.
"""

import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from libs.crypto.hashing import hashes_equal, keyed_hash
from libs.crypto.sealing import binding

LIFETIME = timedelta(minutes=10)
_NONCE = 16
_EXPIRY = 8
_MAC = 32


class ChallengePurpose(StrEnum):
    ENROL = "enrol"
    SECOND_STEP = "second step"
    SIGN_IN = "sign in"


def new_challenge(purpose: ChallengePurpose, bound_to: str, *, key: bytes, now: datetime) -> bytes:
    """`bound_to`: what it is for: a session, an attempt, a browser."""
    expires = int((now + LIFETIME).timestamp()).to_bytes(_EXPIRY, "big")
    stem = expires + secrets.token_bytes(_NONCE)
    return stem + _mac(stem, purpose, bound_to, key)


def challenge_expiry(
    unverified: bytes, purpose: ChallengePurpose, bound_to: str, *, key: bytes, now: datetime
) -> datetime | None:
    """The expiry time; None if it has expired, was not issued here, or has another purpose."""
    if len(unverified) != _EXPIRY + _NONCE + _MAC:
        return None
    stem, mac = unverified[:-_MAC], unverified[-_MAC:]
    if not hashes_equal(mac, _mac(stem, purpose, bound_to, key)):
        return None
    expires_at = datetime.fromtimestamp(int.from_bytes(stem[:_EXPIRY], "big"), UTC)
    return expires_at if now < expires_at else None


def _mac(stem: bytes, purpose: ChallengePurpose, bound_to: str, key: bytes) -> bytes:
    return keyed_hash(key, binding("latchkey passkey challenge v1", purpose.value, bound_to, stem.hex()).hex())

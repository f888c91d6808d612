"""Attestations that one service sends to another through a third, which cannot forge them."""

import hmac


def attest(key: bytes, message: bytes) -> bytes:
    """Return the HMAC-SHA256 of `message`, 32 bytes."""
    return hmac.digest(key, message, "sha256")


def verify_attestation(key: bytes, message: bytes, mac: bytes) -> bool:
    """Return whether the MAC is valid for `message`, in constant time."""
    return hmac.compare_digest(attest(key, message), mac)

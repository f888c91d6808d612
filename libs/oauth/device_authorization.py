"""Limits of the device grant that three services share (RFC 8628)."""

from datetime import timedelta

MAX_LIFETIME = timedelta(minutes=10)
"""Longest lifetime of a device code, and of the attestation about the user who allowed it."""
FRESH_SIGN_IN = timedelta(minutes=5)
"""A user may allow a device only within this time after the sign-in (RFC 8628 5.4)."""

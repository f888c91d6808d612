"""What the three services that serve the device grant agree on (RFC 8628)."""

from datetime import timedelta

LONGEST_LIFETIME = timedelta(minutes=10)
"""No device code lives longer, so no statement about the person who allowed one has to be believed for longer."""
FRESH_SIGN_IN = timedelta(minutes=5)
"""Only who has signed in this lately may allow a device (RFC 8628 5.4): a browser left open is not enough."""

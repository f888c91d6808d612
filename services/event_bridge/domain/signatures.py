"""Signatures of Standard Webhooks 1.0 (symmetric, `v1`). The receiver verifies them with the shared secret."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NewType

WebhookSecret = NewType("WebhookSecret", str)
"""`whsec_` and 256 bits in base64. Returned once, when it is created."""
PREFIX = "whsec_"
_BYTES = 32


def new_webhook_secret() -> WebhookSecret:
    return WebhookSecret(PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode())


def sign(secret: WebhookSecret, *, message_id: str, timestamp: int, body: bytes) -> str:
    """Return `v1,` and the HMAC-SHA256 of id, timestamp and body, joined by dots."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def headers(
    signing_secrets: Sequence[WebhookSecret], *, message_id: str, at: datetime, body: bytes
) -> Mapping[str, str]:
    """Return the three headers of a message, with a signature of each secret, newest first.

    The timestamp is the time of the attempt, so that receivers can refuse replayed requests by their age.
    """
    timestamp = int(at.timestamp())
    signatures = [sign(each, message_id=message_id, timestamp=timestamp, body=body) for each in signing_secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }

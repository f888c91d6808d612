"""Signatures after Standard Webhooks 1.0 (symmetric, `v1`): the receiver verifies with the secret that it was given."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NewType

WebhookSecret = NewType("WebhookSecret", str)
"""`whsec_` and 256 bits in base64: told once."""
PREFIX = "whsec_"
_BYTES = 32


def new_webhook_secret() -> WebhookSecret:
    return WebhookSecret(PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode())


def sign(secret: WebhookSecret, *, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the HMAC-SHA256 of id, time and body, joined by full stops."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def headers(live: Sequence[WebhookSecret], *, message_id: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """The three headers of a message. `live`: every secret that signs, the newest first.

    The time is that of the attempt, so that receivers may refuse what is older than a few minutes: a request that
    somebody recorded is of no use later.
    """
    timestamp = int(at.timestamp())
    signatures = [sign(each, message_id=message_id, timestamp=timestamp, body=body) for each in live]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }

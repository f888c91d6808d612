"""Encryption of webhook secrets at rest, bound to the webhook."""

from libs.crypto.sealing import KeyEncryptionKey, binding
from services.event_bridge.domain.signatures import WebhookSecret

_PURPOSE = "latchkey webhook secret at rest"


class SecretSeals:
    def __init__(self, key: KeyEncryptionKey, *, issuer: str) -> None:
        self._key = key
        self._issuer = issuer

    def seal(self, secret: WebhookSecret, *, webhook_id: str) -> bytes:
        """Encrypt the secret. The result is bound to the webhook id and cannot be opened for another webhook."""
        return self._key.wrap(secret.encode(), bound_to=self._binding(webhook_id))

    def open(self, sealed: bytes, *, webhook_id: str) -> WebhookSecret:
        """Raises SealBroken."""
        return WebhookSecret(self._key.unwrap(sealed, bound_to=self._binding(webhook_id)).decode())

    def _binding(self, webhook_id: str) -> bytes:
        return binding(_PURPOSE, self._issuer, webhook_id)

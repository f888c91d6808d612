"""A software authenticator: creates and uses passkeys as Web Authentication specifies, or incorrectly where a test asks."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

_UP, _UV, _BE, _BS, _AT = 0x01, 0x04, 0x08, 0x10, 0x40


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class SoftPasskey:
    origin: str
    synced: bool = False
    """The flags for backup eligible and backed up."""
    verifies: bool = True
    counts: bool = True
    count: int = 0
    user_handle: bytes = b""
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: str, **lies: Any) -> str:
        """The response to PublicKeyCredentialCreationOptions."""
        asked = json.loads(options)
        self.user_handle = decoded(asked["user"]["id"])
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + self._public_key()
        data = self._authenticator_data(lies.get("rp_id", asked["rp"]["id"]), more=_AT) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self._client_data("webauthn.create", asked["challenge"], lies)
        return self._answer(
            {
                "clientDataJSON": encoded(client_data),
                "attestationObject": encoded(attestation),
                "transports": ["internal"],
            }
        )

    def get(self, options: str, **lies: Any) -> str:
        """The response to PublicKeyCredentialRequestOptions."""
        asked = json.loads(options)
        if self.counts:
            self.count += 1
        data = self._authenticator_data(lies.get("rp_id", asked["rpId"]))
        client_data = self._client_data("webauthn.get", lies.get("challenge", asked["challenge"]), lies)
        signed = data + hashlib.sha256(client_data).digest()
        key = lies.get("key", self.key)
        signature = key.sign(signed, ec.ECDSA(hashes.SHA256()))
        handle = lies.get("user_handle", self.user_handle)
        return self._answer(
            {
                "clientDataJSON": encoded(client_data),
                "authenticatorData": encoded(data),
                "signature": encoded(signature),
                "userHandle": encoded(handle) if handle else None,
            }
        )

    def _answer(self, response: dict[str, Any]) -> str:
        name = encoded(self.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})

    def _client_data(self, kind: str, challenge: str, lies: dict[str, Any]) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": lies.get("origin", self.origin), "crossOrigin": False}
        return json.dumps(said | lies.get("client_data", {})).encode()

    def _authenticator_data(self, rp_id: str, *, more: int = 0) -> bytes:
        flags = _UP | more | (_UV if self.verifies else 0) | (_BE | _BS if self.synced else 0)
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _public_key(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})

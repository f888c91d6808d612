"""Encryption of secrets at rest (envelope encryption with a key-encryption key) and in transit to one caller (HPKE).

Every value is bound to its purpose by `bound_to`, which is not secret and not stored with the value: opening a value
with another binding fails. Make it with `binding`.
"""

import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from libs.crypto.errors import InvalidKey, SealBroken

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_KEY_BYTES = 32
_NONCE_BYTES = 12


def binding(purpose: str, *parts: str | int) -> bytes:
    """Encode the parts of a binding, so that different lists of parts never give the same bytes."""
    encoded = [str(part).encode() for part in (purpose, *parts)]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


def delivery_binding(*, issuer: str, kid: str, alg: str) -> bytes:
    """Return the binding of a signing key that key-rotation sends to a token replica."""
    return binding("latchkey signing key delivery v1", issuer, kid, alg)


def seal_to(recipient_public: bytes, plaintext: bytes, *, bound_to: bytes) -> bytes:
    """Encrypt to the holder of an X25519 key: HPKE base mode (RFC 9180), DHKEM(X25519), HKDF-SHA256, AES-256-GCM.

    Raises InvalidKey if `recipient_public` is not a valid key: not 32 bytes, or a point of small order.
    """
    try:
        public = X25519PublicKey.from_public_bytes(recipient_public)
        return _SUITE.encrypt(plaintext, public, info=bound_to)
    except ValueError as error:
        raise InvalidKey("not an X25519 public key") from error


class Recipient:
    """An X25519 key pair for one response. The private key never leaves the object."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()

    @property
    def public_key(self) -> bytes:
        """32 bytes, for `seal_to`."""
        return self._private.public_key().public_bytes_raw()

    def open(self, sealed: bytes, *, bound_to: bytes) -> bytes:
        """Decrypt. Raises SealBroken if the value was sealed to another key or binding, or was changed."""
        try:
            return _SUITE.decrypt(sealed, self._private, info=bound_to)
        except (InvalidTag, ValueError) as error:
            raise SealBroken("decryption failed") from error


@dataclass(frozen=True, slots=True)
class Envelope:
    """A value encrypted with its own data key, and the data key encrypted with the key-encryption key."""

    wrapped_key: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)


class KeyEncryptionKey:
    """256 bits that wrap data keys. A new key wraps the data keys again; the values stay encrypted as they are.

    Args:
        previous: earlier keys; values that they wrapped can still be unwrapped.
    """

    def __init__(self, key: bytes, *previous: bytes) -> None:
        if any(len(each) != _KEY_BYTES for each in (key, *previous)):
            raise InvalidKey("a key-encryption key has 32 bytes")
        self._cipher = AESGCM(key)
        self._previous = tuple(map(AESGCM, previous))

    def wrap(self, plaintext: bytes, *, bound_to: bytes) -> bytes:
        """Encrypt with AES-256-GCM; the random 96-bit nonce is in front."""
        return _encrypt(self._cipher, plaintext, bound_to)

    def unwrap(self, wrapped: bytes, *, bound_to: bytes) -> bytes:
        """Decrypt a value that this key or a previous key wrapped. Raises SealBroken."""
        for cipher in (self._cipher, *self._previous):
            try:
                return _decrypt(cipher, wrapped, bound_to)
            except SealBroken as broken:
                failure = broken
        raise failure

    def renewed(self, wrapped: bytes, *, bound_to: bytes) -> bytes:
        """Return the value wrapped with this key; unchanged if it is already. Raises SealBroken."""
        try:
            _decrypt(self._cipher, wrapped, bound_to)
        except SealBroken:
            return self.wrap(self.unwrap(wrapped, bound_to=bound_to), bound_to=bound_to)
        return wrapped


def seal_under_new_key(plaintext: bytes, *, bound_to: bytes) -> tuple[bytes, bytes]:
    """Return a new data key for this value, which the caller must wrap at once, and the encrypted value."""
    data_key = secrets.token_bytes(_KEY_BYTES)
    return data_key, _encrypt(AESGCM(data_key), plaintext, bound_to)


def open_under_key(data_key: bytes, ciphertext: bytes, *, bound_to: bytes) -> bytes:
    """Decrypt a value of `seal_under_new_key`. Raises SealBroken, also for an invalid data key."""
    if len(data_key) != _KEY_BYTES:
        raise SealBroken("not a data key")
    return _decrypt(AESGCM(data_key), ciphertext, bound_to)


def _encrypt(cipher: AESGCM, plaintext: bytes, bound_to: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plaintext, bound_to)


def _decrypt(cipher: AESGCM, sealed: bytes, bound_to: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError) as error:
        raise SealBroken("decryption failed") from error

"""A client secret on the occasions when it is known: when it is made, and when a client has signed with it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from libs.crypto.hashing import keyed_hash
from libs.crypto.random import new_secret
from libs.crypto.sealing import KeyEncryptionKey, binding
from libs.oauth.client_authentication import CLIENT_SECRET_JWT
from libs.oauth.client_metadata import ClientMetadata
from services.token.domain.clients import Client, ClientSecret


@dataclass(frozen=True)
class NewSecret:
    """A client and its new secret, if it got one; what stays is a keyed hash, or for `client_secret_jwt` a seal."""

    client: Client
    secret: str = field(repr=False)


def make_secret(pepper: bytes, client_id: str, metadata: ClientMetadata) -> tuple[str, ClientSecret]:
    """256 random bits, and what is kept of them."""
    plain = new_secret()
    sealed = b""
    if metadata.token_endpoint_auth_method == CLIENT_SECRET_JWT:
        sealed = _sealing_key(pepper).wrap(plain.encode(), bound_to=_bound_to(client_id))
    return plain, ClientSecret(keyed_hash(pepper, plain), sealed=sealed)


def usable_secrets(secrets: Iterable[ClientSecret], metadata: ClientMetadata) -> tuple[ClientSecret, ...]:
    """Those that still serve when the client's method has become another; none stays readable that need not be."""
    if metadata.token_endpoint_auth_method == CLIENT_SECRET_JWT:
        return tuple(secret for secret in secrets if secret.sealed)
    return tuple(replace(secret, sealed=b"") for secret in secrets) if metadata.has_secret else ()


def open_secrets(pepper: bytes, client: Client, *, now: datetime) -> list[str]:
    """The live secrets of a client that signs with them. Raises SealBroken when the pepper is not the one of then."""
    key, bound_to = _sealing_key(pepper), _bound_to(client.client_id)
    sealed = (secret.sealed for secret in client.secrets if secret.sealed and secret.live(now))
    return [key.unwrap(each, bound_to=bound_to).decode() for each in sealed]


def _sealing_key(pepper: bytes) -> KeyEncryptionKey:
    """From the same secret as the hashes, and of no use for them."""
    return KeyEncryptionKey(keyed_hash(pepper, "latchkey.v1: secrets that clients sign with"))


def _bound_to(client_id: str) -> bytes:
    return binding("latchkey client secret v1", client_id)

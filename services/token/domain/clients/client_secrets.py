"""A client secret on the occasions when it is known: when it is made, and when a client has signed with it."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from libs.crypto.errors import SealBroken
from libs.crypto.hashing import keyed_hash
from libs.crypto.random import new_secret
from libs.crypto.sealing import KeyEncryptionKey, binding
from libs.oauth.client_authentication import CLIENT_SECRET_JWT
from libs.oauth.client_metadata import ClientMetadata
from services.token.domain.clients.client import Client, ClientSecret


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


def open_secrets(peppers: Sequence[bytes], client: Client, *, now: datetime) -> list[str]:
    """The live secrets of a client that signs with them. Raises SealBroken when the pepper of then is not there."""
    bound_to = _bound_to(client.client_id)
    sealed = (secret.sealed for secret in client.secrets if secret.sealed and secret.live(now))
    return [_open(each, peppers, bound_to).decode() for each in sealed]


def renewed(peppers: Sequence[bytes], client: Client, plain: str) -> Client | None:
    """The client with this secret of its own kept under the first pepper; None when there is nothing to do.

    It can only be done while the secret is here: when the client has just shown it, or signed with it.
    """
    former = [keyed_hash(pepper, plain) for pepper in peppers[1:]]
    secrets = tuple(
        _renewed(peppers[0], secret, plain, client.client_id) if secret.digest in former else secret
        for secret in client.secrets
    )
    return replace(client, secrets=secrets) if secrets != tuple(client.secrets) else None


def _renewed(pepper: bytes, secret: ClientSecret, plain: str, client_id: str) -> ClientSecret:
    sealed = _sealing_key(pepper).wrap(plain.encode(), bound_to=_bound_to(client_id)) if secret.sealed else b""
    return replace(secret, digest=keyed_hash(pepper, plain), sealed=sealed)


def _open(sealed: bytes, peppers: Sequence[bytes], bound_to: bytes) -> bytes:
    for pepper in peppers[:-1]:
        with suppress(SealBroken):
            return _sealing_key(pepper).unwrap(sealed, bound_to=bound_to)
    return _sealing_key(peppers[-1]).unwrap(sealed, bound_to=bound_to)


def _sealing_key(pepper: bytes) -> KeyEncryptionKey:
    """From the same secret as the hashes, and of no use for them."""
    return KeyEncryptionKey(keyed_hash(pepper, "latchkey.v1: secrets that clients sign with"))


def _bound_to(client_id: str) -> bytes:
    return binding("latchkey client secret v1", client_id)

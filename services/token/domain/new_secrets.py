"""A client secret on the one occasion when it is known."""

from dataclasses import dataclass, field

from libs.crypto.hashing import keyed_hash
from libs.crypto.random import new_secret
from services.token.domain.clients import Client, ClientSecret


@dataclass(frozen=True)
class NewSecret:
    """A client and its new secret, if it got one; only the keyed hash stays."""

    client: Client
    secret: str = field(repr=False)


def make_secret(pepper: bytes) -> tuple[str, ClientSecret]:
    """256 random bits, and what is kept of them."""
    plain = new_secret()
    return plain, ClientSecret(keyed_hash(pepper, plain))

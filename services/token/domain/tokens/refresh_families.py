"""Refresh tokens: one family per grant, one row per family, each token derived from the one before it (RFC 9700 4.14).

A token is `family id | generation | secret`. The secret is 16 bytes and a MAC of the token under a key of the server.
The 16 bytes of the next token are an HMAC of the present one under the same key. Only the hash of the latest token is
stored. So, without storing any other token and with a constant number of HMACs:

* the immediate predecessor is recognised, because its successor is the latest token. That successor is the response: a
  client that lost the response, or sent two requests at once, gets the same token;
* every older token is recognised as genuine by its MAC, for the whole life of the family: it was used before, and the
  family is revoked;
* anything else is a forgery, and revokes nothing;
* an attacker who reads the database cannot compute a token, even with the key.
"""

import base64
import binascii
import hmac
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from libs.crypto.hashing import hashes_equal, secret_hash
from libs.crypto.random import new_secret
from libs.oauth.errors import InvalidGrant
from libs.oauth.reasons import Reason
from services.token.domain.tokens.grants import Grant

_SECRET_BYTES = 32
_GENERATION_BYTES = 4
_FAMILY_BYTES = 16
_MAC_BYTES = 16


@dataclass(frozen=True)
class RefreshToken:
    """What a presented refresh token says; nothing of it is verified."""

    family_id: str
    generation: int
    secret: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "RefreshToken":
        """Raises InvalidGrant when the text is not a refresh token of this server."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            raise InvalidGrant(reason=Reason.REFRESH_TOKEN_MALFORMED) from None
        if len(raw) != _FAMILY_BYTES + _GENERATION_BYTES + _SECRET_BYTES:
            raise InvalidGrant(reason=Reason.REFRESH_TOKEN_MALFORMED)
        family, rest = raw[:_FAMILY_BYTES], raw[_FAMILY_BYTES:]
        token = cls(str(uuid.UUID(bytes=family)), int.from_bytes(rest[:_GENERATION_BYTES]), rest[_GENERATION_BYTES:])
        if str(token) != text:  # base64 has several spellings of the same bytes; a token has one
            raise InvalidGrant(reason=Reason.REFRESH_TOKEN_MALFORMED)
        return token

    def __str__(self) -> str:
        raw = uuid.UUID(self.family_id).bytes + self.generation.to_bytes(_GENERATION_BYTES) + self.secret
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def digest(self) -> bytes:
        return secret_hash(str(self))

    def successor(self, key: bytes) -> "RefreshToken":
        """The only token that may replace this one."""
        random = _hmac(key, b"latchkey refresh successor\0", str(self).encode())[:-_MAC_BYTES]
        return _with_mac(self.family_id, self.generation + 1, random, key)

    def unmarked_successor(self, key: bytes) -> "RefreshToken":
        """The successor as versions before 0.2 made it: without a MAC."""
        secret = _hmac(key, b"latchkey refresh successor\0", str(self).encode())
        return RefreshToken(self.family_id, self.generation + 1, secret)

    def is_genuine(self, key: bytes) -> bool:
        """Whether this server made the token under the key. False for tokens of versions before 0.2."""
        made = _with_mac(self.family_id, self.generation, self.secret[:-_MAC_BYTES], key)
        return hmac.compare_digest(made.secret, self.secret)


def _with_mac(family_id: str, generation: int, random: bytes, key: bytes) -> RefreshToken:
    body = uuid.UUID(family_id).bytes + generation.to_bytes(_GENERATION_BYTES) + random
    return RefreshToken(family_id, generation, random + _hmac(key, b"latchkey refresh genuine\0", body)[:_MAC_BYTES])


def _hmac(key: bytes, purpose: bytes, body: bytes) -> bytes:
    return hmac.digest(key, purpose + body, "sha256")


def first_token(family_id: str, key: bytes) -> RefreshToken:
    """Generation 1, with 128 random bits beside the MAC."""
    random = base64.urlsafe_b64decode(new_secret() + "=")[: _SECRET_BYTES - _MAC_BYTES]
    return _with_mac(family_id, 1, random, key)


class TokenMatch(Enum):
    """The position of a verified refresh token in its family."""

    LATEST = auto()
    PREDECESSOR = auto()
    """Replaced within the grace period: the response contains the same successor."""
    REUSED = auto()
    """Replaced before the grace period: it may have been stolen."""


@dataclass(frozen=True, kw_only=True)
class RefreshFamily:
    family_id: str
    client_id: str
    latest_hash: bytes = field(repr=False)
    generation: int
    rotated_at: datetime
    idle_expires_at: datetime
    expires_at: datetime
    dpop_jkt: str | None = None
    """Thumbprint of the DPoP key that the tokens of a public client are bound to (RFC 9449 5)."""
    grant: Grant

    def recognise(self, token: RefreshToken, *, keys: Sequence[bytes], grace: timedelta, now: datetime) -> TokenMatch:
        """What the token is. `keys`: several while the key of the chains is replaced.

        Raises:
            InvalidGrant: not a token of this family, or the family has expired.
        """
        steps = self.generation - token.generation
        latest = steps == 0 and self._is_latest(token)
        predecessor = steps == 1 and self._successor(token, keys) is not None
        genuine = latest or predecessor or (steps > 0 and any(token.is_genuine(key) for key in keys))
        if not genuine:
            raise InvalidGrant(reason=Reason.REFRESH_TOKEN_UNKNOWN)
        if now >= min(self.expires_at, self.idle_expires_at):
            raise InvalidGrant("The refresh token has expired.", reason=Reason.REFRESH_TOKEN_EXPIRED)
        if latest:
            return TokenMatch.LATEST
        return TokenMatch.PREDECESSOR if predecessor and now - self.rotated_at <= grace else TokenMatch.REUSED

    def successor_of(self, token: RefreshToken, keys: Sequence[bytes]) -> RefreshToken:
        """The latest token, if it is the successor of this one. Raises InvalidGrant otherwise."""
        if (successor := self._successor(token, keys)) is not None:
            return successor
        raise InvalidGrant(reason=Reason.REFRESH_TOKEN_ROTATED_AWAY)

    def _successor(self, token: RefreshToken, keys: Sequence[bytes]) -> RefreshToken | None:
        for key in keys:
            for successor in (token.successor(key), token.unmarked_successor(key)):
                if self._is_latest(successor):
                    return successor
        return None

    def _is_latest(self, token: RefreshToken) -> bool:
        return hashes_equal(token.digest(), self.latest_hash)

    def renew(self, *, idle: timedelta, now: datetime) -> "RefreshFamily":
        """The family after its latest token was used by a client whose refresh tokens are not rotated."""
        return replace(self, idle_expires_at=now + idle)

    def rotate(self, token: RefreshToken, *, key: bytes, idle: timedelta, now: datetime) -> "RefreshFamily":
        """The family after its latest token was used."""
        return replace(
            self,
            latest_hash=token.successor(key).digest(),
            generation=self.generation + 1,
            rotated_at=now,
            idle_expires_at=now + idle,
        )

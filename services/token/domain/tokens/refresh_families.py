"""Refresh tokens: one family per grant, one row per family, each token derived from the one before it (RFC 9700 4.14).

A token is `family id | generation | secret`. The next secret is an HMAC of the present one under a key of the server,
and only the hash of the latest is stored. So without storing any token:

* the immediate predecessor is recognised, because one step from it leads to the latest, and that step *is* the
  successor to answer with: a client that lost the answer, or sent two requests at once, gets the same one;
* an older one is recognised as genuine, because some steps lead to the latest: it was used before, the family ends;
* anything else is a forgery, which ends nothing;
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
from itertools import permutations

from libs.crypto.hashing import hashes_equal, secret_hash
from libs.crypto.random import new_secret
from libs.oauth.errors import InvalidGrant
from libs.oauth.reasons import Reason
from services.token.domain.tokens.grants import Grant

_SECRET_BYTES = 32
_GENERATION_BYTES = 4
_FAMILY_BYTES = 16
_MAX_CHAIN = 20_000
"""Steps that are tried at most to recognise an old token: some 40 ms, and more than a family lives to take."""
_MAX_MIXED_CHAIN = 50
"""As many for a chain that began under one key and went on under another."""


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
        """The one token that may replace this one."""
        secret = hmac.digest(key, b"latchkey refresh successor\0" + str(self).encode(), "sha256")
        return RefreshToken(self.family_id, self.generation + 1, secret)


def first_token(family_id: str) -> RefreshToken:
    """Generation 1, with 256 random bits."""
    return RefreshToken(family_id, 1, base64.urlsafe_b64decode(new_secret() + "="))


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
    grant: Grant

    def recognise(self, token: RefreshToken, *, keys: Sequence[bytes], grace: timedelta, now: datetime) -> TokenMatch:
        """What the token is. `keys`: several while the key of the chains is replaced.

        Raises:
            InvalidGrant: not a token of this family, or the family has expired.
        """
        steps = self.generation - token.generation
        if not 0 <= steps <= _MAX_CHAIN:
            raise InvalidGrant(reason=Reason.REFRESH_TOKEN_UNKNOWN)
        if not self._is_led_to(token, steps, keys):
            raise InvalidGrant(reason=Reason.REFRESH_TOKEN_UNKNOWN)
        if now >= min(self.expires_at, self.idle_expires_at):
            raise InvalidGrant(reason=Reason.REFRESH_TOKEN_EXPIRED)
        if steps == 0:
            return TokenMatch.LATEST
        return TokenMatch.PREDECESSOR if steps == 1 and now - self.rotated_at <= grace else TokenMatch.REUSED

    def successor_of(self, token: RefreshToken, keys: Sequence[bytes]) -> RefreshToken:
        """The latest token: what the one before it was answered with. Raises InvalidGrant when `token` is not that."""
        for key in keys:
            if self._is_latest(successor := token.successor(key)):
                return successor
        raise InvalidGrant(reason=Reason.REFRESH_TOKEN_ROTATED_AWAY)

    def _is_led_to(self, token: RefreshToken, steps: int, keys: Sequence[bytes]) -> bool:
        """Is the latest token so many steps away? Under one key all the way, or as far as that costs little, two."""
        if any(self._is_latest(_walked(token, steps, key)) for key in keys):
            return True
        if steps > _MAX_MIXED_CHAIN:
            return False
        return any(
            self._is_latest(_walked(_walked(token, change, before), steps - change, after))
            for before, after in permutations(keys, 2)
            for change in range(1, steps)
        )

    def _is_latest(self, token: RefreshToken) -> bool:
        return hashes_equal(token.digest(), self.latest_hash)

    def rotate(self, token: RefreshToken, *, key: bytes, idle: timedelta, now: datetime) -> "RefreshFamily":
        """The family after its latest token was used."""
        return replace(
            self,
            latest_hash=token.successor(key).digest(),
            generation=self.generation + 1,
            rotated_at=now,
            idle_expires_at=now + idle,
        )


def _walked(token: RefreshToken, steps: int, key: bytes) -> RefreshToken:
    for _ in range(steps):
        token = token.successor(key)
    return token

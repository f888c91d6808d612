"""Counts presented tokens that retired keys signed, and writes the counts to the database periodically.

A token counts only if the signature is valid, so a forged token adds no client to the list. Keys that have
left the key set are known for as long as this process has seen them.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter

from libs.crypto.errors import InvalidJwt
from libs.crypto.jwt import MAX_HEADER_BYTES, VerificationKey, is_signed_by, unverified_jwt
from libs.crypto.strict import base64url_decode, json_object
from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base.clock import Clock
from services.token.domain.tokens.retired_keys import PresentedAs, RetiredKeyUse
from services.token.ports.work import Begin

WRITE_SECONDS: Final = 10.0
PRESENTED: Final = Counter(
    "latchkey_former_key_tokens_total", "Tokens that clients sent and that a retired key signed.", ["presented_as"]
)
_MAX_KEYS: Final = 32
_MAX_USES: Final = 10_000


class RetiredKeys:
    """`write` is for a timer."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._seen: OrderedDict[str, VerificationKey] = OrderedDict()
        self._serving: frozenset[str] = frozenset()
        self._uses: dict[tuple[str, str, PresentedAs], RetiredKeyUse] = {}

    def see(self, published: Iterable[VerificationKey], *, serving: Iterable[str]) -> None:
        """The key set of now. `serving`: kids that sign, or will."""
        for key in published:
            self._seen[key.kid] = key
            self._seen.move_to_end(key.kid)
        while len(self._seen) > _MAX_KEYS:
            self._seen.popitem(last=False)
        self._serving = frozenset(serving)

    def record_presented(self, token: str, presented_as: PresentedAs) -> None:
        """Count the token if a retired key signed it; ignore any other value."""
        key = self._seen.get(_kid_of(token))
        if key is None or key.kid in self._serving or not is_signed_by(token, key):
            return
        try:
            _, claims = unverified_jwt(token)
        except InvalidJwt:
            return
        PRESENTED.labels(presented_as.value).inc()
        now = self._clock.now()
        self._count(RetiredKeyUse(_client_of(claims), key.kid, presented_as, count=1, first_at=now, last_at=now))

    def _count(self, use: RetiredKeyUse) -> None:
        known = self._uses.get(use.key)
        if known is not None:
            self._uses[use.key] = known.and_again(use)
        elif len(self._uses) < _MAX_USES:
            self._uses[use.key] = use

    async def write(self, begin: Begin) -> None:
        """Puts what was counted into the database; what cannot be written now is written the next time."""
        uses, self._uses = self._uses, {}
        if not uses:
            return
        try:
            async with begin() as work:
                await work.retired_key_uses.add(list(uses.values()))
        except TemporarilyUnavailable:
            for use in uses.values():
                self._count(use)
            raise


def _kid_of(token: str) -> str:
    """As it says itself. Looked at for every token that comes: no more is read of it than that."""
    head = token.partition(".")[0]
    if len(head) > MAX_HEADER_BYTES:
        return ""
    try:
        kid = json_object(base64url_decode(head)).get("kid")
    except ValueError:
        return ""
    return kid if isinstance(kid, str) else ""


def _client_of(claims: dict[str, object]) -> str:
    """Return the client of a token: client_id, azp, or the first audience."""
    named = claims.get("client_id") or claims.get("azp") or claims.get("aud")
    return str(named[0] if isinstance(named, list) and named else named)[:64]

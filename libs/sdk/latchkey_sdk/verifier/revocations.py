"""Revocations that affect unexpired tokens, bounded by the token lifetime and by size."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal

from latchkey_sdk.verifier.access_token import SKEW_SECONDS, AccessToken

Kind = Literal["token", "grant", "session", "user", "client", "key"]
CAPACITY: Final = 200_000
_REASONS: Final[Mapping[Kind, str]] = {
    "key": "KEY_REVOKED",
    "token": "TOKEN_REVOKED",
    "user": "ACCOUNT_ENDED",
    "client": "CLIENT_ENDED",
    "grant": "GRANT_REVOKED",
    "session": "SESSION_ENDED",
}
_REVERSIBLE: Final = frozenset({"user", "client"})
"""Can be enabled again: only tokens that were issued before the revocation are refused."""
_OFFLINE: Final = "offline_access"
_log = logging.getLogger("latchkey_sdk")


class Revocations:
    """Keeps each revocation until every token that it ends has expired.

    If the capacity is exceeded, the oldest revocation is dropped and all tokens of its age or older are refused. So no
    revoked token is accepted.

    Args:
        longest_lifetime: maximum lifetime of an access token, in seconds.
        clock: seconds since 1970.
    """

    def __init__(self, *, longest_lifetime: float, clock: Callable[[], float], capacity: int = CAPACITY) -> None:
        self._kept = longest_lifetime + 2 * SKEW_SECONDS
        self._clock = clock
        self._capacity = capacity
        # Events of each kind arrive in order, so the oldest entry of a kind is always the first.
        self._ended: dict[Kind, OrderedDict[str, float]] = {}
        self._refused_until = 0.0

    def __len__(self) -> int:
        return sum(map(len, self._ended.values()))

    def add(self, kind: Kind, name: str, *, at: float) -> None:
        """Record that `name` ended at this time (seconds since 1970). Idempotent."""
        ended = self._ended.setdefault(kind, OrderedDict())
        ended[name] = max(at, ended.get(name, at))
        ended.move_to_end(name)
        self._forget_expired(ended)
        while len(self) > self._capacity:
            self._make_room()

    def reason_against(self, token: AccessToken, *, kid: str) -> str | None:
        """Return why the token is revoked; None if it is not."""
        issued_at = token.issued_at.timestamp()
        if issued_at <= self._refused_until:
            return "TOO_OLD"
        for kind, name in _names(token, kid):
            at = self._at(kind, name)
            if at is not None and (kind not in _REVERSIBLE or issued_at <= at + SKEW_SECONDS):
                return _REASONS[kind]
        return None

    def _at(self, kind: Kind, name: str) -> float | None:
        return self._ended[kind].get(name) if kind in self._ended else None

    def _forget_expired(self, ended: OrderedDict[str, float]) -> None:
        expired = self._clock() - self._kept
        while ended and next(iter(ended.values())) < expired:
            ended.popitem(last=False)

    def _make_room(self) -> None:
        oldest = min((ended for ended in self._ended.values() if ended), key=lambda ended: next(iter(ended.values())))
        _, at = oldest.popitem(last=False)
        if at + SKEW_SECONDS > self._refused_until:
            _log.warning("More than %d revocations: older tokens are refused", self._capacity)
            self._refused_until = at + SKEW_SECONDS


def _names(token: AccessToken, kid: str) -> Iterator[tuple[Kind, str]]:
    """Yield everything whose end revokes the token."""
    yield "key", kid
    yield "token", token.token_id
    yield "user", token.subject
    yield "client", token.client_id
    if token.grant_id:
        yield "grant", token.grant_id
    # Offline access continues after the end of the session (OpenID Connect Core 11).
    if token.session_id and _OFFLINE not in token.scopes:
        yield "session", token.session_id

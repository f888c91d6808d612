"""Throttling of failed sign-ins that does not lock out the account owner.

Failures are counted per name and network, per network, and in total. An attacker who tries passwords for Alice
delays only attempts for Alice from the attacker's network. When attempts come from many networks, each network
with failures is delayed sooner, and a network without failures is not delayed.

A network that is not a public one stands for many users: a company behind its proxy, or an ingress whose header is not
trusted (`trusted_proxies`), and then it is the whole world. There a name waits for seconds only, and a network never.
A client that asks users for their passwords (RFC 6749 4.3) is such a place as well: all of them come from its server.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from libs.crypto.hashing import keyed_hash
from libs.oauth.addresses import is_public

WINDOW = timedelta(minutes=15)
"""After the last failure; then counting begins anew."""
MAX_WAIT = timedelta(minutes=5)
MAX_WAIT_SHARED = timedelta(seconds=15)
UNDER_ATTACK = 5_000
"""Failures over all within WINDOW, from which on the limits are tight."""


@dataclass(frozen=True)
class Failures:
    """What was counted under a key."""

    count: int
    last_at: datetime


@dataclass(frozen=True)
class Limits:
    """Failures that cost no waiting."""

    name: int
    network: int


CALM, TIGHT = Limits(name=5, network=50), Limits(name=2, network=10)


@dataclass(frozen=True)
class Keys:
    """Under which an attempt is counted: digests, so that what users typed is kept nowhere."""

    name: bytes
    network: bytes
    overall: bytes
    is_public: bool
    """One network of the internet, and not one that stands for many users."""

    @classmethod
    def of(cls, *, username_key: str, place: str, key: bytes) -> "Keys":
        """`place`: the network that the attempt came from, or the client that made it."""
        return cls(
            keyed_hash(key, f"name {place} {username_key}"),
            keyed_hash(key, f"network {place}"),
            keyed_hash(key, "overall"),
            is_public=is_public(place),
        )

    def __iter__(self) -> Iterator[bytes]:
        return iter((self.name, self.network, self.overall))


def seconds_to_wait(keys: Keys, failures: Mapping[bytes, Failures], *, under_way: int, now: datetime) -> int:
    """0 when the attempt may be made now.

    Args:
        failures: as far as there are any; those older than WINDOW count for nothing.
        under_way: attempts for the same name and network that have begun and may fail as well.
    """
    live = {key: found for key, found in failures.items() if now < found.last_at + WINDOW}
    overall = live.get(keys.overall)
    limits = TIGHT if overall is not None and overall.count >= UNDER_ATTACK else CALM
    limit = MAX_WAIT if keys.is_public else MAX_WAIT_SHARED
    wait = _wait(live.get(keys.name), limits.name, under_way=under_way, limit=limit, now=now)
    if keys.is_public:
        wait = max(wait, _wait(live.get(keys.network), limits.network, under_way=0, limit=limit, now=now))
    return ceil(wait.total_seconds())


def codes_key(user_id: str, *, key: bytes) -> bytes:
    """Return the key under which wrong codes of a user are counted, over all networks.

    Only a caller with the right password reaches this step, so other users cannot delay the user. Attempts at
    six digits from many networks must be as slow as those from a single network.
    """
    return keyed_hash(key, f"codes {user_id}")


def seconds_to_wait_for_codes(failures: Failures | None, *, now: datetime) -> int:
    """0 when a code may be tried now, from anywhere."""
    live = failures if failures is not None and now < failures.last_at + WINDOW else None
    return ceil(_wait(live, CALM.name, under_way=0, limit=MAX_WAIT, now=now).total_seconds())


def _wait(failures: Failures | None, free: int, *, under_way: int, limit: timedelta, now: datetime) -> timedelta:
    """Twice as long for each failure beyond `free`. Who has never failed may try as often at once as they like."""
    if failures is None:
        return timedelta(0)
    if under_way and failures.count + under_way >= free:
        return timedelta(seconds=1)
    if failures.count < free:
        return timedelta(0)
    pause = min(timedelta(seconds=2 ** min(failures.count - free, 20)), limit)
    return max(failures.last_at + pause - now, timedelta(0))

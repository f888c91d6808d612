"""How old the keys are, for alerts: docs/keys.md."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from prometheus_client import Counter, Gauge

from services.key_rotation.domain.keys import ALGS, PUBLISHED, Key, KeyState

SIGNING_KEY_AGE_SECONDS = Gauge(
    "latchkey_signing_key_age_seconds",
    "Since when the oldest key in this state is published (next), or has its turn (active, retiring).",
    ["alg", "state"],
)
ROTATION_FAILURES = Counter(
    "latchkey_rotation_failures_total", "Looks at what has come due that ended in an error; the next one tries again."
)


def observe(keys: Sequence[Key], *, now: datetime) -> None:
    """A state that no key is in has no value: that is what the alert on a missing next key looks for."""
    for alg in ALGS:
        for state in sorted(PUBLISHED):
            since = [_since(key) for key in keys if (key.alg, key.state) == (alg, state)]
            if since:
                SIGNING_KEY_AGE_SECONDS.labels(alg, state.value).set((now - min(since)).total_seconds())
            else:
                with suppress(KeyError):
                    SIGNING_KEY_AGE_SECONDS.remove(alg, state.value)


def _since(key: Key) -> datetime:
    return key.published_at if key.state is KeyState.NEXT or key.activates_at is None else key.activates_at

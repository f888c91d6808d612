"""Metrics of the ages of signing keys, for alerts (docs/keys.md)."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from prometheus_client import Counter, Gauge

from services.key_rotation.domain.keys import ALGS, PUBLISHED, Key, KeyState

SIGNING_KEY_AGE_SECONDS = Gauge(
    "latchkey_signing_key_age_seconds",
    "Seconds since the oldest key in this state was published (next) or activated (active, retiring).",
    ["alg", "state"],
)
ROTATION_FAILURES = Counter(
    "latchkey_rotation_failures_total", "Failed runs of the key rotation task. The next run tries again."
)


def update_key_ages(keys: Sequence[Key], *, now: datetime) -> None:
    """Set the metrics. A state without keys has no value, which the alert for a missing next key detects."""
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

"""Metrics of key ages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.key_rotation.adapters.key_ages import update_key_ages
from services.key_rotation.domain.keys import ALGS, Key, KeyState

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def a_key(state: KeyState, **members: Any) -> Key:
    plain = {"kid": "k", "alg": "ES256", "state": state, "public_jwk": "{}", "private": None}
    return Key(**(plain | {"published_at": NOON - 9 * DAY, "activates_at": NOON - 2 * DAY} | members))


def _ages() -> dict[tuple[str, str], float | None]:
    name = "latchkey_signing_key_age_seconds"
    found = {
        (alg, state.value): REGISTRY.get_sample_value(name, {"alg": alg, "state": state.value})
        for alg in ALGS
        for state in KeyState
    }
    return {labels: age for labels, age in found.items() if age is not None}


@pytest.mark.usefixtures("_nothing_left")
def test_key_age_starts_at_activation_or_publication():
    retiring = [a_key(KeyState.RETIRING), a_key(KeyState.RETIRING, activates_at=NOON - 3 * DAY)]
    update_key_ages([a_key(KeyState.ACTIVE), a_key(KeyState.NEXT, activates_at=None), *retiring], now=NOON)
    days = {labels: age / DAY.total_seconds() for labels, age in _ages().items() if age is not None}
    assert days == {("ES256", "active"): 2, ("ES256", "next"): 9, ("ES256", "retiring"): 3}


@pytest.mark.usefixtures("_nothing_left")
def test_state_without_keys_has_no_age():
    update_key_ages([a_key(KeyState.ACTIVE), a_key(KeyState.NEXT)], now=NOON)
    update_key_ages([a_key(KeyState.ACTIVE), a_key(KeyState.NEXT, alg="RS256")], now=NOON)
    assert set(_ages()) == {("ES256", "active"), ("RS256", "next")}


@pytest.fixture
def _nothing_left():
    """Clear the metrics, because the registry is shared by the whole process."""
    update_key_ages([], now=NOON)
    yield
    update_key_ages([], now=NOON)

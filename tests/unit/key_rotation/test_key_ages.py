"""What alerts look at."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.key_rotation.adapters.key_ages import observe
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
def test_a_key_is_as_old_as_its_turn_and_the_next_one_as_old_as_its_announcement():
    retiring = [a_key(KeyState.RETIRING), a_key(KeyState.RETIRING, activates_at=NOON - 3 * DAY)]
    observe([a_key(KeyState.ACTIVE), a_key(KeyState.NEXT, activates_at=None), *retiring], now=NOON)
    days = {labels: age / DAY.total_seconds() for labels, age in _ages().items() if age is not None}
    assert days == {("ES256", "active"): 2, ("ES256", "next"): 9, ("ES256", "retiring"): 3}


@pytest.mark.usefixtures("_nothing_left")
def test_a_state_that_no_key_is_in_any_more_has_no_age():
    observe([a_key(KeyState.ACTIVE), a_key(KeyState.NEXT)], now=NOON)
    observe([a_key(KeyState.ACTIVE), a_key(KeyState.NEXT, alg="RS256")], now=NOON)
    assert set(_ages()) == {("ES256", "active"), ("RS256", "next")}


@pytest.fixture
def _nothing_left():
    """The registry is one for the whole process."""
    observe([], now=NOON)
    yield
    observe([], now=NOON)

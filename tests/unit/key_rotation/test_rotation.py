"""What comes due when, and which waits are too short."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.crypto.sealing import Envelope
from services.key_rotation.domain.keys import IllegalTransition, Key, KeyState, RevocationReason
from services.key_rotation.domain.rotation import Change, brought_forward, due, revoked
from services.key_rotation.domain.seals import SealedPrivateKey
from services.key_rotation.domain.waits import CLOCK_ERROR, Waits

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SEALED = SealedPrivateKey(Envelope(wrapped_key=b"wrapped", ciphertext=b"sealed"))
PLAIN = {
    "jwks_max_age": 5 * MINUTE,
    "publication_max_age": 15 * MINUTE,
    "view_max_age": 5 * MINUTE,
    "announcement": DAY,
    "period": 30 * DAY,
}
WAITS = Waits(**PLAIN)
FLOOR = WAITS.shortest_announcement


def a_key(state: KeyState, **members: Any) -> Key:
    plain: dict[str, Any] = {
        "kid": state.value,
        "alg": "ES256",
        "state": state,
        "public_jwk": "{}",
        "private": SEALED if state in {KeyState.NEXT, KeyState.ACTIVE} else None,
        "published_at": NOON - 40 * DAY,
        "activates_at": NOON - 10 * DAY if state is not KeyState.NEXT else None,
    }
    return Key(**(plain | members))


ACTIVE = a_key(KeyState.ACTIVE)
WAITING = a_key(KeyState.NEXT, published_at=NOON - 2 * DAY, activates_at=NOON + 20 * DAY)


def _due(*history: Key, now: datetime = NOON) -> dict[str, Key]:
    return {change.before.kid: change.after for change in due(history, waits=WAITS, now=now)}


def test_a_new_key_is_announced_from_when_it_was_found_and_its_turn_comes_when_the_active_one_has_had_its_own():
    made = a_key(KeyState.NEXT, published_at=NOON - DAY)
    announced = _due(ACTIVE, made)["next"]
    assert (announced.published_at, announced.activates_at) == (NOON, NOON + 20 * DAY)
    assert (announced.state, announced.version) == (KeyState.NEXT, 2)


def test_a_key_that_was_made_late_is_announced_in_full_all_the_same():
    old = replace(ACTIVE, activates_at=NOON - 300 * DAY)
    assert _due(old, a_key(KeyState.NEXT))["next"].activates_at == NOON + DAY


def test_nothing_moves_before_its_time():
    retiring = a_key(KeyState.RETIRING, retires_at=NOON + SECOND)
    assert _due(ACTIVE, WAITING, retiring, a_key(KeyState.RETIRED), a_key(KeyState.REVOKED)) == {}


def test_at_its_moment_the_next_key_takes_over_and_the_old_ones_private_half_is_gone():
    changes = due([ACTIVE, WAITING], waits=WAITS, now=NOON + 20 * DAY)
    assert [change.before.kid for change in changes] == ["active", "next"]
    old, new = (change.after for change in changes)
    assert (old.state, old.private, old.retires_at) == (KeyState.RETIRING, None, None)
    assert (new.state, new.private, new.activates_at) == (KeyState.ACTIVE, SEALED, NOON + 20 * DAY)


def test_the_end_is_counted_from_when_it_was_found_and_covers_what_was_signed():
    counted = _due(ACTIVE, WAITING, a_key(KeyState.RETIRING, signs_for=HOUR))["retiring"]
    assert counted.retires_at == NOON + HOUR + WAITS.view_max_age + MINUTE + 6 * CLOCK_ERROR
    assert counted.state is KeyState.RETIRING
    assert counted.retires_at is not None
    assert _due(counted, now=counted.retires_at - SECOND) == {}
    assert _due(counted, now=counted.retires_at)["retiring"].state is KeyState.RETIRED


def test_without_an_active_key_the_next_one_signs_as_soon_as_every_cache_has_it():
    assert _due(WAITING)["next"].state is KeyState.ACTIVE
    young = replace(WAITING, published_at=NOON - MINUTE)
    waiting = _due(young)["next"]
    assert (waiting.state, waiting.activates_at) == (KeyState.NEXT, NOON - MINUTE + FLOOR)
    unannounced = _due(a_key(KeyState.NEXT))["next"]
    assert (unannounced.state, unannounced.activates_at) == (KeyState.NEXT, NOON + FLOOR)


def test_a_key_brought_forward_is_announced_in_full():
    assert _moved(brought_forward([ACTIVE, WAITING], waits=WAITS, now=NOON)) == {"next": NOON}
    young = replace(WAITING, published_at=NOON - HOUR)
    assert _moved(brought_forward([ACTIVE, young], waits=WAITS, now=NOON)) == {"next": NOON + 23 * HOUR}
    soon = replace(WAITING, activates_at=NOON)
    assert brought_forward([ACTIVE, soon], waits=WAITS, now=NOON) == []
    assert brought_forward([ACTIVE, a_key(KeyState.NEXT)], waits=WAITS, now=NOON) == []
    assert brought_forward([ACTIVE], waits=WAITS, now=NOON) == []


def _moved(changes: list[Change]) -> dict[str, datetime | None]:
    return {change.after.kid: change.after.activates_at for change in changes}


def _revoke(key: Key, *history: Key) -> dict[str, Key]:
    changes = revoked(key, history, reason=RevocationReason.COMPROMISED, waits=WAITS, now=NOON)
    return {change.before.kid: change.after for change in changes}


@pytest.mark.s(70)
def test_a_revoked_key_is_followed_at_once():
    changed = _revoke(ACTIVE, ACTIVE, WAITING)
    gone = changed["active"]
    assert (gone.state, gone.private) == (KeyState.REVOKED, None)
    assert (gone.revoked_at, gone.revocation_reason) == (NOON, RevocationReason.COMPROMISED)
    assert (changed["next"].state, changed["next"].activates_at) == (KeyState.ACTIVE, NOON)


def test_a_revoked_key_is_not_followed_by_one_that_some_cache_may_lack():
    young = replace(WAITING, published_at=NOON - MINUTE)
    waiting = _revoke(ACTIVE, ACTIVE, young)["next"]
    assert (waiting.state, waiting.activates_at) == (KeyState.NEXT, NOON - MINUTE + FLOOR)


@pytest.mark.parametrize("state", [KeyState.NEXT, KeyState.RETIRING, KeyState.RETIRED])
def test_revoking_a_key_that_does_not_sign_changes_no_other(state: KeyState):
    key = a_key(state)
    assert set(_revoke(key, ACTIVE, WAITING, key)) == {key.kid}


def test_a_revoked_key_stays_revoked():
    with pytest.raises(IllegalTransition):
        _revoke(a_key(KeyState.REVOKED), ACTIVE)


def test_no_announcement_may_be_shorter_than_what_caches_and_clocks_can_hide():
    assert 2 * 5 * MINUTE + 15 * MINUTE + 4 * 5 * MINUTE == FLOOR
    Waits(**PLAIN | {"announcement": FLOOR})
    with pytest.raises(ValueError, match="announced for 2700 s at least"):
        Waits(**PLAIN | {"announcement": FLOOR - SECOND})
    for longer in ("jwks_max_age", "publication_max_age"):
        with pytest.raises(ValueError, match="at least"):
            Waits(**PLAIN | {"announcement": FLOOR, longer: PLAIN[longer] + SECOND})


def test_a_key_may_not_sign_for_less_than_the_next_one_is_announced():
    with pytest.raises(ValueError, match="sign for as long"):
        Waits(**PLAIN | {"period": DAY - SECOND})

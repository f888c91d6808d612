"""Due changes of keys, and validation of the rotation policy."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.crypto.sealing import Envelope
from services.key_rotation.domain.keys import IllegalTransition, Key, KeyState, RevocationReason
from services.key_rotation.domain.rotation import Change, activate_early, due_changes, revocation_changes
from services.key_rotation.domain.rotation_policy import CLOCK_ERROR, RotationPolicy
from services.key_rotation.domain.seals import SealedPrivateKey

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
POLICY = RotationPolicy(**PLAIN)
FLOOR = POLICY.min_announcement


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
    return {change.before.kid: change.after for change in due_changes(history, policy=POLICY, now=now)}


def test_next_key_is_scheduled_at_the_end_of_the_active_key_period():
    made = a_key(KeyState.NEXT, published_at=NOON - DAY)
    announced = _due(ACTIVE, made)["next"]
    assert (announced.published_at, announced.activates_at) == (NOON, NOON + 20 * DAY)
    assert (announced.state, announced.version) == (KeyState.NEXT, 2)


def test_next_key_created_late_is_announced_in_full():
    old = replace(ACTIVE, activates_at=NOON - 300 * DAY)
    assert _due(old, a_key(KeyState.NEXT))["next"].activates_at == NOON + DAY


def test_no_change_is_due_early():
    retiring = a_key(KeyState.RETIRING, retires_at=NOON + SECOND)
    assert _due(ACTIVE, WAITING, retiring, a_key(KeyState.RETIRED), a_key(KeyState.REVOKED)) == {}


def test_next_key_becomes_active_at_activates_at():
    changes = due_changes([ACTIVE, WAITING], policy=POLICY, now=NOON + 20 * DAY)
    assert [change.before.kid for change in changes] == ["active", "next"]
    old, new = (change.after for change in changes)
    assert (old.state, old.private, old.retires_at) == (KeyState.RETIRING, None, None)
    assert (new.state, new.private, new.activates_at) == (KeyState.ACTIVE, SEALED, NOON + 20 * DAY)


def test_retiring_key_is_retired_after_its_tokens_expire():
    counted = _due(ACTIVE, WAITING, a_key(KeyState.RETIRING, signs_for=HOUR))["retiring"]
    assert counted.retires_at == NOON + HOUR + POLICY.view_max_age + MINUTE + 6 * CLOCK_ERROR
    assert counted.state is KeyState.RETIRING
    assert counted.retires_at is not None
    assert _due(counted, now=counted.retires_at - SECOND) == {}
    assert _due(counted, now=counted.retires_at)["retiring"].state is KeyState.RETIRED


def test_next_key_is_activated_after_the_minimum_announcement_without_an_active_key():
    assert _due(WAITING)["next"].state is KeyState.ACTIVE
    young = replace(WAITING, published_at=NOON - MINUTE)
    waiting = _due(young)["next"]
    assert (waiting.state, waiting.activates_at) == (KeyState.NEXT, NOON - MINUTE + FLOOR)
    unannounced = _due(a_key(KeyState.NEXT))["next"]
    assert (unannounced.state, unannounced.activates_at) == (KeyState.NEXT, NOON + FLOOR)


def test_activate_early_keeps_the_full_announcement():
    assert _moved(activate_early([ACTIVE, WAITING], policy=POLICY, now=NOON)) == {"next": NOON}
    young = replace(WAITING, published_at=NOON - HOUR)
    assert _moved(activate_early([ACTIVE, young], policy=POLICY, now=NOON)) == {"next": NOON + 23 * HOUR}
    soon = replace(WAITING, activates_at=NOON)
    assert activate_early([ACTIVE, soon], policy=POLICY, now=NOON) == []
    assert activate_early([ACTIVE, a_key(KeyState.NEXT)], policy=POLICY, now=NOON) == []
    assert activate_early([ACTIVE], policy=POLICY, now=NOON) == []


def _moved(changes: list[Change]) -> dict[str, datetime | None]:
    return {change.after.kid: change.after.activates_at for change in changes}


def _revoke(key: Key, *history: Key) -> dict[str, Key]:
    changes = revocation_changes(key, history, reason=RevocationReason.COMPROMISED, policy=POLICY, now=NOON)
    return {change.before.kid: change.after for change in changes}


@pytest.mark.s(70)
def test_revocation_activates_the_next_key():
    changed = _revoke(ACTIVE, ACTIVE, WAITING)
    gone = changed["active"]
    assert (gone.state, gone.private) == (KeyState.REVOKED, None)
    assert (gone.revoked_at, gone.revocation_reason) == (NOON, RevocationReason.COMPROMISED)
    assert (changed["next"].state, changed["next"].activates_at) == (KeyState.ACTIVE, NOON)


def test_revocation_waits_for_the_minimum_announcement_of_the_next_key():
    young = replace(WAITING, published_at=NOON - MINUTE)
    waiting = _revoke(ACTIVE, ACTIVE, young)["next"]
    assert (waiting.state, waiting.activates_at) == (KeyState.NEXT, NOON - MINUTE + FLOOR)


@pytest.mark.parametrize("state", [KeyState.NEXT, KeyState.RETIRING, KeyState.RETIRED])
def test_revoking_an_inactive_key_changes_no_other_key(state: KeyState):
    key = a_key(state)
    assert set(_revoke(key, ACTIVE, WAITING, key)) == {key.kid}


def test_revoked_key_cannot_be_revoked_again():
    with pytest.raises(IllegalTransition):
        _revoke(a_key(KeyState.REVOKED), ACTIVE)


def test_too_short_announcement_is_refused():
    assert 2 * 5 * MINUTE + 15 * MINUTE + 4 * 5 * MINUTE == FLOOR
    RotationPolicy(**PLAIN | {"announcement": FLOOR})
    with pytest.raises(ValueError, match="announced for 2700 s at least"):
        RotationPolicy(**PLAIN | {"announcement": FLOOR - SECOND})
    for longer in ("jwks_max_age", "publication_max_age"):
        with pytest.raises(ValueError, match="at least"):
            RotationPolicy(**PLAIN | {"announcement": FLOOR, longer: PLAIN[longer] + SECOND})


def test_period_shorter_than_the_announcement_is_refused():
    with pytest.raises(ValueError, match="period must not be shorter"):
        RotationPolicy(**PLAIN | {"period": DAY - SECOND})

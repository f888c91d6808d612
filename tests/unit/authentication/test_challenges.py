"""Challenges of passkeys, which are not stored: when one is valid."""

from datetime import UTC, datetime, timedelta

import pytest

from services.authentication.domain.factors.challenges import (
    LIFETIME,
    ChallengePurpose,
    challenge_expiry,
    new_challenge,
)

pytestmark = pytest.mark.s(48)
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
KEY = b"k" * 32
SIGN_IN = ChallengePurpose.SIGN_IN


def made() -> bytes:
    return new_challenge(SIGN_IN, "a browser", key=KEY, now=NOON)


def test_one_is_good_until_it_expires() -> None:
    challenge = made()
    last = NOON + LIFETIME - timedelta(seconds=1)
    assert challenge_expiry(challenge, SIGN_IN, "a browser", key=KEY, now=last) == NOON + LIFETIME
    assert challenge_expiry(challenge, SIGN_IN, "a browser", key=KEY, now=NOON + LIFETIME) is None


@pytest.mark.parametrize(
    ("purpose", "bound_to", "key"),
    [
        (ChallengePurpose.SECOND_STEP, "a browser", KEY),
        (ChallengePurpose.ENROL, "a browser", KEY),
        (SIGN_IN, "another", KEY),
        (SIGN_IN, "", KEY),
        (SIGN_IN, "a browser", b"x" * 32),
    ],
)
def test_one_is_good_for_what_it_was_made_for(purpose: ChallengePurpose, bound_to: str, key: bytes) -> None:
    assert challenge_expiry(made(), purpose, bound_to, key=key, now=NOON) is None


def test_no_byte_of_it_can_be_changed_or_left_out() -> None:
    challenge = made()
    for position in range(len(challenge)):
        changed = bytearray(challenge)
        changed[position] ^= 1
        assert challenge_expiry(bytes(changed), SIGN_IN, "a browser", key=KEY, now=NOON) is None
        assert challenge_expiry(challenge[:position], SIGN_IN, "a browser", key=KEY, now=NOON) is None
    assert challenge_expiry(challenge + b"x", SIGN_IN, "a browser", key=KEY, now=NOON) is None


def test_no_two_are_the_same() -> None:
    assert len({made() for _ in range(100)}) == 100

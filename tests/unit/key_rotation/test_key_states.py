import itertools
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.crypto.errors import SealBroken
from libs.crypto.jwt import SigningKey
from libs.crypto.sealing import Envelope
from services.key_rotation.domain.keys import (
    ALGS,
    IllegalTransition,
    Key,
    KeyState,
    algs_without_signer,
    missing_states,
)
from services.key_rotation.domain.seals import KeySeals, SealedPrivateKey
from services.key_rotation.wrappings.file import FileWrapping

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def seals_of(kek: bytes = bytes(32), issuer: str = "https://id.example") -> KeySeals:
    return KeySeals([FileWrapping({1: kek}, seals=1)], issuer=issuer)


SEALS = seals_of()
MADE = SigningKey.generate("ES256")
LEGAL = {
    (KeyState.NEXT, KeyState.ACTIVE),
    (KeyState.ACTIVE, KeyState.RETIRING),
    (KeyState.RETIRING, KeyState.RETIRED),
    (KeyState.NEXT, KeyState.REVOKED),
    (KeyState.ACTIVE, KeyState.REVOKED),
    (KeyState.RETIRING, KeyState.REVOKED),
    (KeyState.RETIRED, KeyState.REVOKED),
}


def a_key(state: KeyState = KeyState.NEXT, alg: str = "ES256") -> Key:
    sealed = SealedPrivateKey(Envelope(wrapped_key=b"wrapped", ciphertext=b"sealed"))
    return Key(
        kid="k",
        alg=alg,
        state=state,
        public_jwk="{}",
        private=sealed if state in {KeyState.NEXT, KeyState.ACTIVE} else None,
        published_at=NOON,
        activates_at=None,
    )


@pytest.mark.parametrize(("before", "after"), list(itertools.product(KeyState, KeyState)))
def test_state_transitions(before: KeyState, after: KeyState):
    if (before, after) not in LEGAL:
        with pytest.raises(IllegalTransition):
            a_key(before).become(after)
        return
    moved = a_key(before).become(after)
    assert (moved.state, moved.version) == (after, 2)


def test_private_key_is_dropped_when_the_key_stops_signing():
    active = a_key().become(KeyState.ACTIVE)
    assert active.private is not None
    assert active.become(KeyState.RETIRING).private is None
    assert active.become(KeyState.REVOKED).private is None
    assert a_key().become(KeyState.REVOKED).private is None


@given(st.lists(st.sampled_from(KeyState)))
def test_only_the_first_key_is_created_active(history: list[KeyState]):
    missing = missing_states([a_key(state) for state in history])
    assert (KeyState.ACTIVE in missing) == (not history)
    assert (KeyState.NEXT in missing) == (KeyState.NEXT not in history)


def test_algs_without_signer_returns_algorithms_without_active_or_next_key():
    keys = [a_key(KeyState.ACTIVE, "RS256"), a_key(KeyState.NEXT, "RS256"), a_key(KeyState.RETIRING, "ES256")]
    assert algs_without_signer(keys) == ["ES256"]
    assert algs_without_signer([]) == list(ALGS)
    assert algs_without_signer([*keys, a_key(KeyState.ACTIVE)]) == []
    assert algs_without_signer([*keys, a_key(KeyState.NEXT)]) == []


@pytest.mark.parametrize("state", [KeyState.ACTIVE, KeyState.NEXT])
async def test_new_key_record_contains_the_public_key(state: KeyState):
    key = Key.of(MADE, state, private=await SEALS.seal(MADE), now=NOON)
    assert json.loads(key.public_jwk) == MADE.public_jwk()
    assert (key.kid, key.alg, key.published_at, key.version) == (MADE.kid, "ES256", NOON, 1)
    assert key.activates_at == (NOON if state is KeyState.ACTIVE else None)
    assert key.retires_at is None


async def test_encrypted_key_is_bound_to_kid_algorithm_issuer_and_key():
    sealed = await SEALS.seal(MADE)
    assert await SEALS.open(sealed, kid=MADE.kid, alg="ES256") == MADE.to_pkcs8()
    for seals, kid, alg in (
        (SEALS, "another", "ES256"),
        (SEALS, MADE.kid, "RS256"),
        (seals_of(issuer="https://other.example"), MADE.kid, "ES256"),
        (seals_of(b"\1" * 32), MADE.kid, "ES256"),
    ):
        with pytest.raises(SealBroken):
            await seals.open(sealed, kid=kid, alg=alg)


@pytest.mark.s(60)
async def test_repr_contains_no_encrypted_key():
    key = Key.of(MADE, KeyState.NEXT, private=await SEALS.seal(MADE), now=NOON)
    assert key.private is not None
    for text in (repr(key), repr(key.private), repr(key.private.envelope), str(key)):
        for secret in (key.private.envelope.wrapped_key, key.private.envelope.ciphertext):
            assert repr(secret)[2:20] not in text

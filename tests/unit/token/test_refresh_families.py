"""The chain of refresh tokens: what is recognised without storing any of them."""

import base64
import hmac
import secrets
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.oauth.errors import InvalidGrant
from services.token.domain.tokens.refresh_families import RefreshFamily, RefreshToken, TokenMatch, first_token
from tests.unit.token.parts import MINUTE, NOON, SECOND
from tests.unit.token.test_codes import GRANT

KEY = b"k" * 32
GRACE = timedelta(seconds=30)
FAMILY_ID = "0196a000-0000-7000-8000-0000000000f1"
DAY = timedelta(days=1)


def _chain(length: int) -> list[RefreshToken]:
    tokens = [first_token(FAMILY_ID, KEY)]
    while len(tokens) < length:
        tokens.append(tokens[-1].successor(KEY))
    return tokens


def _family(tokens: list[RefreshToken]) -> RefreshFamily:
    """One whose latest is the last of these, made at noon."""
    return RefreshFamily(
        family_id=FAMILY_ID,
        client_id="c_shop",
        latest_hash=tokens[-1].digest(),
        generation=tokens[-1].generation,
        rotated_at=NOON,
        idle_expires_at=NOON + DAY,
        expires_at=NOON + 2 * DAY,
        grant=GRANT,
    )


def _recognised(family: RefreshFamily, token: RefreshToken, after: timedelta = timedelta(0)) -> TokenMatch | str:
    try:
        return family.recognise(token, keys=[KEY], grace=GRACE, now=NOON + after)
    except InvalidGrant as refusal:
        return refusal.reason


@pytest.mark.s(22, 23)
def test_each_token_of_a_family_is_known_for_what_it_is() -> None:
    tokens = _chain(4)
    family = _family(tokens)
    oldest, older, predecessor, latest = tokens
    assert _recognised(family, latest) is TokenMatch.LATEST
    assert _recognised(family, predecessor) is TokenMatch.PREDECESSOR
    assert _recognised(family, predecessor, GRACE) is TokenMatch.PREDECESSOR
    assert _recognised(family, predecessor, GRACE + SECOND) is TokenMatch.REUSED
    assert _recognised(family, older) is TokenMatch.REUSED
    assert _recognised(family, oldest) is TokenMatch.REUSED
    assert _recognised(family, latest.successor(KEY)) == "REFRESH_TOKEN_UNKNOWN"


@pytest.mark.s(21, 23)
@pytest.mark.parametrize("generation", [0, 1, 2, 3, 4, 5, 2**32 - 1])
def test_a_forged_token_is_no_token_whatever_generation_it_claims(generation: int) -> None:
    family = _family(_chain(4))
    forged = RefreshToken(FAMILY_ID, generation, secrets.token_bytes(32))
    assert _recognised(family, forged) == "REFRESH_TOKEN_UNKNOWN"


@pytest.mark.s(21)
def test_a_genuine_secret_under_another_generation_is_forged() -> None:
    tokens = _chain(4)
    for token in tokens:
        for generation in range(1, 5):
            if generation != token.generation:
                assert _recognised(_family(tokens), replace(token, generation=generation)) == "REFRESH_TOKEN_UNKNOWN"


@pytest.mark.s(21)
def test_what_the_database_keeps_leads_to_no_token() -> None:
    """Neither the stored hash nor a token under another key is a way to the successor."""
    tokens = _chain(2)
    family = _family(tokens)
    from_hash = RefreshToken(FAMILY_ID, 2, family.latest_hash)
    assert _recognised(family, from_hash) == "REFRESH_TOKEN_UNKNOWN"
    assert _recognised(family, tokens[0].successor(b"l" * 32)) == "REFRESH_TOKEN_UNKNOWN"


@pytest.mark.s(21)
def test_a_family_expires_when_it_is_not_used_and_in_any_case() -> None:
    family = _family(_chain(2))
    latest = _chain(1)[0]
    family = replace(family, latest_hash=latest.digest(), generation=1)
    assert _recognised(family, latest, DAY - SECOND) is TokenMatch.LATEST
    assert _recognised(family, latest, DAY) == "REFRESH_TOKEN_EXPIRED"
    used = replace(family, idle_expires_at=NOON + 10 * DAY)
    assert _recognised(used, latest, 2 * DAY - SECOND) is TokenMatch.LATEST
    assert _recognised(used, latest, 2 * DAY) == "REFRESH_TOKEN_EXPIRED"


def test_rotation_moves_one_step_and_the_idle_limit_but_never_the_end() -> None:
    tokens = _chain(2)
    family = _family(tokens)
    after = family.rotate(tokens[-1], key=KEY, idle=DAY, now=NOON + MINUTE)
    assert after.latest_hash == tokens[-1].successor(KEY).digest()
    assert after.generation == family.generation + 1
    assert (after.rotated_at, after.idle_expires_at) == (NOON + MINUTE, NOON + MINUTE + DAY)
    assert after.expires_at == family.expires_at


@pytest.mark.s(13)
def test_first_tokens_are_random() -> None:
    made = {first_token(FAMILY_ID, KEY).secret for _ in range(50)}
    assert len(made) == 50
    assert {len(secret) for secret in made} == {32}


@given(st.uuids(), st.integers(1, 2**32 - 1), st.binary(min_size=32, max_size=32))
def test_a_token_reads_back_as_it_was_written(family_id: object, generation: int, secret: bytes) -> None:
    token = RefreshToken(str(family_id), generation, secret)
    assert RefreshToken.parse(str(token)) == token


@given(st.text(max_size=100) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_nothing_else_reads_as_a_token(text: str) -> None:
    with suppress(InvalidGrant):
        assert str(RefreshToken.parse(text)) == text


@pytest.mark.s(21)
def test_a_token_has_one_spelling() -> None:
    text = str(replace(_chain(1)[0], secret=b"\xfb\xef\xbe" * 10 + b"\xff\xff"))
    assert {"-", "_"} & set(text)
    others = [
        text + "=",
        text + "==",
        text.replace("-", "+").replace("_", "/"),
        text[:-1] + chr(ord(text[-1]) + 1),
        " " + text,
        text + "\n",
        text[:10] + "!" + text[10:],
        text[:-2],
        "",
    ]
    for other in others:
        with pytest.raises(InvalidGrant) as refusal:
            RefreshToken.parse(other)
        assert refusal.value.reason == "REFRESH_TOKEN_MALFORMED"
    assert str(RefreshToken.parse(text)) == text


@pytest.mark.s(22, 23)
def test_reuse_is_detected_after_any_number_of_rotations_at_a_constant_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = _chain(3)
    family = replace(_family(tokens), generation=2**31)
    computed = 0
    digest = hmac.digest

    def counted(*arguments: Any) -> bytes:
        nonlocal computed
        computed += 1
        return digest(*arguments)

    monkeypatch.setattr(hmac, "digest", counted)
    keys = [b"n" * 32, KEY]
    for token in tokens:
        assert family.recognise(token, keys=keys, grace=GRACE, now=NOON) is TokenMatch.REUSED
    forged = RefreshToken(FAMILY_ID, 7, secrets.token_bytes(32))
    with pytest.raises(InvalidGrant) as refusal:
        family.recognise(forged, keys=keys, grace=GRACE, now=NOON)
    assert refusal.value.reason == "REFRESH_TOKEN_UNKNOWN"
    assert computed <= 4 * len(keys)


@pytest.mark.s(21)
def test_genuine_token_of_another_family_is_unknown() -> None:
    other = first_token("0196a000-0000-7000-8000-0000000000f2", KEY)
    moved = replace(other, family_id=FAMILY_ID)
    assert _recognised(_family(_chain(4)), moved) == "REFRESH_TOKEN_UNKNOWN"


def test_token_of_a_version_without_macs_is_rotated_and_answered_within_the_grace() -> None:
    old = RefreshToken(FAMILY_ID, 5, secrets.token_bytes(32))
    assert _recognised(_family([old]), old) is TokenMatch.LATEST
    rotated_by_old_replica = _family([old, old.unmarked_successor(KEY)])
    assert _recognised(rotated_by_old_replica, old) is TokenMatch.PREDECESSOR
    assert rotated_by_old_replica.successor_of(old, [KEY]) == old.unmarked_successor(KEY)
    assert _recognised(rotated_by_old_replica, old, GRACE + SECOND) is TokenMatch.REUSED


@pytest.mark.s(60)
def test_secrets_of_tokens_do_not_print() -> None:
    token = _chain(1)[0]
    assert repr(token.secret) not in repr(token)
    assert repr(token.digest()) not in repr(_family([token]))


NEW = b"n" * 32


def _chain_under(*keys: bytes) -> list[RefreshToken]:
    tokens = [first_token(FAMILY_ID, KEY)]
    for key in keys:
        tokens.append(tokens[-1].successor(key))
    return tokens


@pytest.mark.parametrize("keys", [[KEY, NEW], [NEW, KEY]])
def test_a_chain_goes_on_while_its_key_is_replaced(keys: list[bytes]) -> None:
    chain = _chain_under(KEY, KEY, KEY, NEW, NEW)
    family = _family(chain)
    found = [family.recognise(token, keys=keys, grace=GRACE, now=NOON) for token in chain]
    assert found == [TokenMatch.REUSED] * 4 + [TokenMatch.PREDECESSOR, TokenMatch.LATEST]
    assert family.successor_of(chain[-2], keys) == chain[-1]


def test_predecessor_under_previous_chain_key_returns_the_same_successor() -> None:
    chain = _chain_under(KEY)
    assert _family(chain).successor_of(chain[0], [NEW, KEY]) == chain[1]
    with pytest.raises(InvalidGrant):
        _family(chain).successor_of(chain[1], [NEW, KEY])


def test_latest_token_is_valid_and_older_ones_are_unknown_without_previous_chain_key() -> None:
    chain = _chain_under(KEY, KEY)
    family = _family(chain)
    assert family.recognise(chain[-1], keys=[NEW], grace=GRACE, now=NOON) is TokenMatch.LATEST
    with pytest.raises(InvalidGrant) as refusal:
        family.recognise(chain[0], keys=[NEW], grace=GRACE, now=NOON)
    assert refusal.value.reason == "REFRESH_TOKEN_UNKNOWN"

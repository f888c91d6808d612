"""Random values and the digests of them."""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.crypto.attestation import attest, verify_attestation
from libs.crypto.errors import InvalidKey
from libs.crypto.hashing import hashes_equal, keyed_hash, left_half_hash, secret_hash
from libs.crypto.random import new_client_id, new_secret, uuid7

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.s(13)
def test_new_secret_has_256_bits_and_is_unique():
    made = {new_secret() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", secret) for secret in made)


@pytest.mark.s(71)
def test_new_client_id_is_distinct_from_user_ids():
    made = {new_client_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"c_[a-z2-7]{26}", client_id) for client_id in made)
    with pytest.raises(ValueError, match="UUID"):
        UUID(made.pop())


@pytest.mark.s(54)
@given(MOMENTS)
def test_uuid7_contains_its_time(now: datetime):
    made = UUID(uuid7(now))
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == (now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@given(MOMENTS, st.integers(1, 10**9))
def test_uuid7s_sort_by_microsecond(now: datetime, later: int):
    assert uuid7(now) < uuid7(now + timedelta(microseconds=later))


def test_uuid7s_of_the_same_time_differ():
    assert len({uuid7(NOON) for _ in range(1000)}) == 1000


def test_uuid7_refuses_a_datetime_without_timezone():
    with pytest.raises(TypeError):
        uuid7(datetime(2026, 3, 1))  # noqa: DTZ001


def test_secret_hash_and_keyed_hash_are_standard_digests():
    assert secret_hash("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    # RFC 4231 4.3
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert keyed_hash(b"Jefe", "what do ya want for nothing?").hex() == expected
    assert hashes_equal(secret_hash("abc"), hashlib.sha256(b"abc").digest())
    assert not hashes_equal(secret_hash("abc"), secret_hash("abd"))
    assert not hashes_equal(secret_hash("abc"), b"")


def test_left_half_hash_matches_the_openid_connect_example():
    # OpenID Connect Core A.3
    assert left_half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"
    assert (
        left_half_hash("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk", "RS256")
        == "LDktKdoQak3Pk0cnXxCltA"
    )
    with pytest.raises(InvalidKey):
        left_half_hash("x", "HS256")


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_attestation_with_another_key_or_message_is_refused(message: bytes, forged: bytes):
    key, another = bytes(32), bytes(31) + b"\1"
    mac = attest(key, message)
    assert verify_attestation(key, message, mac)
    assert not verify_attestation(key, message + b"\0", mac)
    assert not verify_attestation(another, message, mac)
    assert forged == mac or not verify_attestation(key, message, forged)

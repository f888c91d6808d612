import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerificationError
from argon2.low_level import Type

from libs.crypto.errors import InvalidKey, PasswordTooLong
from libs.crypto.passwords import DUMMY, MAX_PASSWORD_BYTES, hash_password, needs_rehash, verify_password

pytestmark = pytest.mark.s(50)

HASH = hash_password("correct horse")


def test_password_hash_matches_the_right_password_only():
    assert verify_password(HASH, "correct horse")
    for wrong in ("Correct horse", "correct horse ", "", "correct horse\0", "correct"):
        assert not verify_password(HASH, wrong)


@pytest.mark.parametrize("password_hash", [HASH, DUMMY], ids=["a hash", "the dummy"])
def test_password_hash_is_argon2id_with_19_mib_two_passes_and_one_lane(password_hash: str):
    parameters = extract_parameters(password_hash)
    assert (parameters.type, parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (
        Type.ID,
        19456,
        2,
        1,
    )
    assert (parameters.salt_len, parameters.hash_len, parameters.version) == (16, 32, 19)


def test_password_hash_agrees_with_an_independent_implementation():
    assert PasswordHasher().verify(HASH, b"correct horse")
    assert verify_password(PasswordHasher(time_cost=1, memory_cost=1024).hash("correct horse"), "correct horse")


def test_hash_with_other_parameters_needs_rehash():
    assert not needs_rehash(HASH)
    assert needs_rehash(PasswordHasher(time_cost=1, memory_cost=1024).hash("correct horse"))


@pytest.mark.s(46)
def test_dummy_hash_matches_no_password():
    assert not verify_password(DUMMY, "")
    assert not verify_password(DUMMY, "correct horse")
    assert not needs_rehash(DUMMY)


@pytest.mark.parametrize(
    ("set_as", "typed_as"),
    [("caf\u00e9", "cafe\u0301"), ("\ufb01sh", "fish"), ("\uff50\uff57", "pw"), ("\u2460", "1"), ("\u212b", "\u00c5")],
)
def test_password_is_normalized_to_nfkc(set_as: str, typed_as: str):
    assert verify_password(hash_password(set_as), typed_as)


def test_password_of_1024_bytes_is_hashed_completely():
    longest = "x" * (MAX_PASSWORD_BYTES - 1)
    password_hash = hash_password(longest + "a")
    assert verify_password(password_hash, longest + "a")
    assert not verify_password(password_hash, longest + "b")


@pytest.mark.parametrize(
    "password",
    ["x" * 1025, "é" * 513, "e\u0301" * 400, "\ufdfa" * 100, "x" * 10**7],
    ids=["ASCII", "two bytes each", "before NFKC", "after NFKC", "a novel"],
)
def test_longer_password_is_refused_before_hashing(password: str):
    with pytest.raises(PasswordTooLong):
        hash_password(password)
    assert not verify_password(HASH, password)


def test_password_with_a_lone_surrogate_is_refused():
    with pytest.raises(UnicodeEncodeError):
        hash_password("\ud800")
    assert not verify_password(HASH, "\ud800")


def test_invalid_stored_hash_raises():
    with pytest.raises(InvalidKey):
        verify_password("plain text", "plain text")
    with pytest.raises(VerificationError):
        verify_password("$argon2id$plain text", "plain text")

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerificationError
from argon2.low_level import Type

from libs.crypto.errors import InvalidKey, PasswordTooLong
from libs.crypto.passwords import DUMMY, MAX_PASSWORD_BYTES, hash_password, needs_rehash, verify_password

pytestmark = pytest.mark.s(50)

HASH = hash_password("correct horse")


def test_the_right_password_is_recognised_and_no_other():
    assert verify_password(HASH, "correct horse")
    for wrong in ("Correct horse", "correct horse ", "", "correct horse\0", "correct"):
        assert not verify_password(HASH, wrong)


@pytest.mark.parametrize("password_hash", [HASH, DUMMY], ids=["a hash", "the dummy"])
def test_the_hash_is_argon2id_with_19_mib_two_passes_and_one_lane(password_hash: str):
    parameters = extract_parameters(password_hash)
    assert (parameters.type, parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (
        Type.ID,
        19456,
        2,
        1,
    )
    assert (parameters.salt_len, parameters.hash_len, parameters.version) == (16, 32, 19)


def test_an_independent_hasher_agrees():
    assert PasswordHasher().verify(HASH, b"correct horse")
    assert verify_password(PasswordHasher(time_cost=1, memory_cost=1024).hash("correct horse"), "correct horse")


def test_a_hash_of_other_parameters_is_due_for_renewal():
    assert not needs_rehash(HASH)
    assert needs_rehash(PasswordHasher(time_cost=1, memory_cost=1024).hash("correct horse"))


@pytest.mark.s(46)
def test_nobody_has_the_dummys_password():
    assert not verify_password(DUMMY, "")
    assert not verify_password(DUMMY, "correct horse")
    assert not needs_rehash(DUMMY)


@pytest.mark.parametrize(
    ("set_as", "typed_as"),
    [("caf\u00e9", "cafe\u0301"), ("\ufb01sh", "fish"), ("\uff50\uff57", "pw"), ("\u2460", "1"), ("\u212b", "\u00c5")],
)
def test_the_same_keys_on_another_keyboard_give_the_same_password(set_as: str, typed_as: str):
    assert verify_password(hash_password(set_as), typed_as)


def test_a_password_may_have_1024_bytes_and_every_one_of_them_counts():
    longest = "x" * (MAX_PASSWORD_BYTES - 1)
    password_hash = hash_password(longest + "a")
    assert verify_password(password_hash, longest + "a")
    assert not verify_password(password_hash, longest + "b")


@pytest.mark.parametrize(
    "password",
    ["x" * 1025, "é" * 513, "e\u0301" * 400, "\ufdfa" * 100, "x" * 10**7],
    ids=["ASCII", "two bytes each", "before NFKC", "after NFKC", "a novel"],
)
def test_a_longer_password_is_refused_before_it_is_hashed(password: str):
    with pytest.raises(PasswordTooLong):
        hash_password(password)
    assert not verify_password(HASH, password)


def test_text_that_is_no_unicode_is_no_password():
    with pytest.raises(UnicodeEncodeError):
        hash_password("\ud800")
    assert not verify_password(HASH, "\ud800")


def test_a_row_without_a_hash_is_a_fault_and_not_a_wrong_password():
    with pytest.raises(InvalidKey):
        verify_password("plain text", "plain text")
    with pytest.raises(VerificationError):
        verify_password("$argon2id$plain text", "plain text")

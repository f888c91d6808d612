import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.oauth.errors import InvalidRequest
from services.authentication.domain.accounts.usernames import (
    MAX_CHARACTERS,
    MAX_KEY_CHARACTERS,
    check_username,
    lookup_key,
    stand_in,
)

KEY = b"k" * 32
OTHER_KEY = b"o" * 32


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice", "ALICE"),
        ("alice", "  alice\t"),
        ("alice", "\uff41\uff4c\uff49\uff43\uff45"),
        ("straße", "STRASSE"),
        ("josé", "jose\u0301"),
        ("ﬁona", "FIONA"),
        ("alice@example.org", "Alice@Example.ORG"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ],
)
def test_names_that_differ_in_case_or_unicode_form_are_one(one: str, other: str) -> None:
    assert lookup_key(one) == lookup_key(other) is not None


def test_names_that_look_alike_in_other_scripts_are_not_one() -> None:
    assert lookup_key("alice") != lookup_key("\u0430lice")


@pytest.mark.parametrize(
    "name", ["", " ", "two words", "a\x00b", "a\u200bb", "a\nb", "a\u202eb", "\ud800", "x" * 100_000]
)
def test_invalid_usernames_have_no_lookup_key(name: str) -> None:
    assert lookup_key(name) is None
    with pytest.raises(InvalidRequest):
        check_username(name)


@pytest.mark.parametrize("name", [" alice", "x" * (MAX_CHARACTERS + 1), "ﷺ" * 8])
def test_a_new_name_has_no_blanks_around_it_and_is_not_too_long(name: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_username(name)
    assert refusal.value.reason == "USERNAME_MALFORMED"


def test_a_new_name_is_kept_as_it_is_written() -> None:
    assert check_username("Alice") == ("Alice", "alice")
    assert check_username("\uff41lice") == ("alice", "alice")


@given(st.text(max_size=MAX_CHARACTERS))
def test_a_name_that_may_be_taken_can_be_found_again(typed: str) -> None:
    try:
        name, key = check_username(typed)
    except InvalidRequest:
        return
    assert len(name) <= MAX_CHARACTERS
    assert len(key) <= MAX_KEY_CHARACTERS
    assert lookup_key(typed) == lookup_key(name) == lookup_key(key) == key


@given(st.text())
def test_a_stand_in_is_stable_and_tells_nothing_of_the_name(typed: str) -> None:
    name = stand_in(typed, key=KEY)
    assert name == stand_in(typed, key=KEY)
    assert len(name) == len("unknown-ffff")


def test_a_stand_in_depends_on_the_name_and_on_the_key() -> None:
    assert stand_in("Alice", key=KEY) == stand_in("alice", key=KEY)
    assert stand_in("alice", key=KEY) != stand_in("bob", key=KEY)
    assert stand_in("alice", key=KEY) != stand_in("alice", key=OTHER_KEY)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.oauth.errors import InvalidScope
from libs.oauth.scopes import CLAIMS_OF_SCOPE, MAX_SCOPES, STANDARD_SCOPES, claims_of, format_scope, parse_scope

TOKENS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"\\'), min_size=1)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", ()),
        ("openid", ("openid",)),
        ("openid profile email", ("openid", "profile", "email")),
        ("b a b a", ("b", "a")),
        ("https://api.example/read urn:x:y !#$%&'()*+,-./:;<=>?@[]^_`{|}~", None),
    ],
)
def test_a_scope_is_a_list_of_values_each_once_and_in_order(text, values):
    assert parse_scope(text) == (tuple(text.split(" ")) if values is None else values)


@pytest.mark.parametrize(
    "text", [" ", "a ", " a", "a  b", "a\tb", "a\nb", 'a"b', "a\\b", "é", "a\x7fb", "a\0b", "\u3000"]
)
def test_characters_that_the_standard_does_not_permit_are_refused(text):
    with pytest.raises(InvalidScope) as refusal:
        parse_scope(text)
    assert refusal.value.reason == "SCOPE_MALFORMED"
    assert refusal.value.description == "scope must be at most 64 values separated by single spaces (RFC 6749 3.3)."


def test_so_many_values_and_no_more():
    values = [f"s{number}" for number in range(MAX_SCOPES + 1)]
    assert len(parse_scope(" ".join(values[:-1]))) == MAX_SCOPES
    with pytest.raises(InvalidScope):
        parse_scope(" ".join(values))


@given(st.lists(TOKENS, unique=True, max_size=MAX_SCOPES).map(tuple))
def test_what_is_written_is_read_again(values):
    assert parse_scope(format_scope(values)) == values


@given(st.text())
def test_no_text_raises_anything_but_invalid_scope(text):
    try:
        values = parse_scope(text)
    except InvalidScope:
        return
    assert format_scope(values) == " ".join(dict.fromkeys(text.split(" "))) if text else values == ()


def test_scope_values_ask_for_their_claims_and_unknown_ones_for_none():
    assert claims_of(("openid", "email", "api:read", "phone")) == (
        "email",
        "email_verified",
        "phone_number",
        "phone_number_verified",
    )
    assert claims_of(()) == ()


def test_the_standard_scopes_are_those_of_openid_connect():
    assert set(STANDARD_SCOPES) == {"openid", "profile", "email", "address", "phone", "offline_access"}
    assert len(CLAIMS_OF_SCOPE["profile"]) == 14
    assert "sub" not in claims_of(STANDARD_SCOPES)

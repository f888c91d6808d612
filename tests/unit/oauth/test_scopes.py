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
def test_scope_is_parsed_in_order_without_duplicates(text, values):
    assert parse_scope(text) == (tuple(text.split(" ")) if values is None else values)


@pytest.mark.parametrize(
    "text", [" ", "a ", " a", "a  b", "a\tb", "a\nb", 'a"b', "a\\b", "é", "a\x7fb", "a\0b", "\u3000"]
)
def test_scope_with_invalid_characters_is_refused(text):
    with pytest.raises(InvalidScope) as refusal:
        parse_scope(text)
    assert refusal.value.reason == "SCOPE_MALFORMED"
    assert refusal.value.description == "scope must be at most 64 values separated by single spaces (RFC 6749 3.3)."


def test_number_of_scope_values_is_limited():
    values = [f"s{number}" for number in range(MAX_SCOPES + 1)]
    assert len(parse_scope(" ".join(values[:-1]))) == MAX_SCOPES
    with pytest.raises(InvalidScope):
        parse_scope(" ".join(values))


@given(st.lists(TOKENS, unique=True, max_size=MAX_SCOPES).map(tuple))
def test_formatted_scope_is_parsed_unchanged(values):
    assert parse_scope(format_scope(values)) == values


@given(st.text())
def test_parse_scope_raises_invalid_scope_only(text):
    try:
        values = parse_scope(text)
    except InvalidScope:
        return
    assert format_scope(values) == " ".join(dict.fromkeys(text.split(" "))) if text else values == ()


def test_claims_of_scope_values_ignores_unknown_values():
    assert claims_of(("openid", "email", "api:read", "phone")) == (
        "email",
        "email_verified",
        "phone_number",
        "phone_number_verified",
    )
    assert claims_of(()) == ()


def test_standard_scopes_are_those_of_openid_connect():
    assert set(STANDARD_SCOPES) == {"openid", "profile", "email", "address", "phone", "offline_access"}
    assert len(CLAIMS_OF_SCOPE["profile"]) == 14
    assert "sub" not in claims_of(STANDARD_SCOPES)

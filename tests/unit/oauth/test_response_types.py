import pytest

from libs.oauth.response_types import (
    CODE,
    SUPPORTED_RESPONSE_TYPES,
    ResponseMode,
    default_mode,
    format_response_type,
    mode_permitted,
    parse_response_type,
)

QUERY, FRAGMENT, FORM_POST = ResponseMode


def test_supported_response_types_are_those_of_oauth_and_openid_connect():
    assert {format_response_type(kind) for kind in SUPPORTED_RESPONSE_TYPES} == {
        "code",
        "token",
        "id_token",
        "id_token token",
        "code id_token",
        "code token",
        "code id_token token",
    }
    assert parse_response_type("code") == CODE


@pytest.mark.s(6)
@pytest.mark.parametrize(
    "text", ["", " ", "Code", "code ", " code", "code\n", "none", "code none", "code,token", "code  token"]
)
def test_other_response_types_are_not_supported(text):
    assert parse_response_type(text) not in SUPPORTED_RESPONSE_TYPES


@pytest.mark.parametrize("text", ["code id_token token", "token id_token code", "id_token code token"])
def test_order_of_response_type_values_is_ignored(text):
    assert parse_response_type(text) == {"code", "id_token", "token"}
    assert format_response_type(parse_response_type(text)) == "code id_token token"


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("code", QUERY),
        ("token", FRAGMENT),
        ("id_token", FRAGMENT),
        ("code id_token", FRAGMENT),
        ("code token", FRAGMENT),
    ],
)
def test_default_response_mode_is_fragment_when_response_has_a_token(text, mode):
    assert default_mode(parse_response_type(text)) is mode


@pytest.mark.s(7)
@pytest.mark.parametrize("text", ["token", "id_token", "code token", "code id_token", "code id_token token"])
def test_query_mode_is_refused_for_responses_with_a_token(text):
    assert not mode_permitted(parse_response_type(text), QUERY)
    assert mode_permitted(parse_response_type(text), FRAGMENT)
    assert mode_permitted(parse_response_type(text), FORM_POST)


@pytest.mark.parametrize("mode", ResponseMode)
def test_code_alone_permits_every_response_mode(mode):
    assert mode_permitted(CODE, mode)


@pytest.mark.parametrize("name", ["form_post.jwt", "jwt", "web_message", "QUERY", ""])
@pytest.mark.s(72)
def test_response_modes_are_query_fragment_and_form_post(name):
    with pytest.raises(ValueError, match="not a valid ResponseMode"):
        ResponseMode(name)

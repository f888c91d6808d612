from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.oauth.errors import InvalidRequest
from libs.oauth.parameters import MAX_NAME_LENGTH, MAX_PARAMETERS, Parameters, parse_form, repeated_names

NAMES = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=20)
VALUES = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40)


@pytest.mark.parametrize(
    ("body", "pairs"),
    [
        (b"", []),
        (b"a=1", [("a", "1")]),
        (b"a=", [("a", "")]),
        (b"a=1&b=2&a=3", [("a", "1"), ("b", "2"), ("a", "3")]),
        (b"a=x+y%20z%2Bw", [("a", "x y z+w")]),
        (b"a=%C3%A9%E2%82%AC", [("a", "é€")]),
        (b"a=b=c", [("a", "b=c")]),
        (b"a=1;b=2", [("a", "1;b=2")]),
        (b"a=%", [("a", "%")]),
        (b"a=%zz", [("a", "%zz")]),
    ],
)
def test_form_is_parsed_in_order_with_duplicates(body, pairs):
    assert parse_form(body) == pairs


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"grant_type":"x"}', "FORM_MALFORMED"),
        (b"a=\xc3\xa9", "FORM_MALFORMED"),
        (b"a=%ff", "FORM_MALFORMED"),
        (b"a=%C0%AF", "FORM_MALFORMED"),
        (b"a=%ED%A0%80", "FORM_MALFORMED"),
        (b"%ff=a", "FORM_MALFORMED"),
        (b"a=%00", "PARAMETER_MALFORMED"),
        (b"a%00=1", "PARAMETER_MALFORMED"),
        (b"x" * (MAX_NAME_LENGTH + 1) + b"=1", "PARAMETER_MALFORMED"),
        (b"&".join(b"a%d=1" % number for number in range(MAX_PARAMETERS + 1)), "FORM_MALFORMED"),
    ],
)
def test_malformed_form_is_refused(body, reason):
    with pytest.raises(InvalidRequest) as refusal:
        parse_form(body)
    assert refusal.value.reason == reason


def test_form_with_the_maximum_number_of_parameters_is_parsed():
    assert len(parse_form(b"&".join(b"a%d=1" % number for number in range(MAX_PARAMETERS)))) == MAX_PARAMETERS


@given(st.binary() | st.text("ab=&%+;0f\0", max_size=60).map(str.encode))
def test_parse_form_raises_invalid_request_only(body: bytes):
    try:
        pairs = parse_form(body)
    except InvalidRequest:
        return
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in pairs)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=10))
def test_form_encoded_by_a_client_library_is_parsed_unchanged(pairs):
    assert parse_form(urlencode(pairs).encode()) == pairs


def test_parameter_without_a_value_is_omitted():
    parameters = Parameters.once([("scope", ""), ("state", "s")])
    assert dict(parameters) == {"state": "s"}
    assert len(parameters) == 1
    assert "scope" not in parameters
    assert parameters.get("scope") is None


@pytest.mark.s(61)
@pytest.mark.parametrize("second", ["1", "2", ""])
def test_repeated_parameter_is_refused_for_every_value(second):
    with pytest.raises(InvalidRequest) as refusal:
        Parameters.once([("client_id", "1"), ("state", "s"), ("client_id", second)])
    assert refusal.value.reason == "PARAMETER_REPEATED"


def test_only_resource_may_occur_more_than_once():
    """RFC 8707 2."""
    pairs = [("resource", "https://a.example"), ("state", "s"), ("resource", ""), ("resource", "urn:b")]
    assert dict(Parameters.once(pairs)) == {"state": "s", "resource": "https://a.example urn:b"}
    assert repeated_names(pairs) == frozenset()
    assert "resource" not in Parameters.once([("resource", "")])


def test_space_in_a_resource_does_not_split_it():
    assert Parameters.once([("resource", "urn:a urn:b")])["resource"] == "urn:a%20urn:b"


def test_repeated_names_are_returned_once():
    assert repeated_names([("a", "1"), ("b", "1"), ("a", "2"), ("a", "3")]) == {"a"}
    assert repeated_names(iter([("a", "1"), ("b", "1")])) == frozenset()


def test_parameters_are_immutable_and_hide_their_values():
    source = {"code": "secret-code"}
    parameters = Parameters(source)
    source["code"] = "another"
    assert parameters["code"] == "secret-code"
    assert not hasattr(parameters, "__setitem__")
    assert "secret-code" not in repr(parameters)


@pytest.mark.parametrize(
    ("body", "pairs"),
    [
        (b"a=b&", [("a", "b")]),
        (b"&a=b", [("a", "b")]),
        (b"a=1&&b=2", [("a", "1"), ("b", "2")]),
        (b"&", []),
        (b"a", [("a", "")]),
        (b"a=b&scope", [("a", "b"), ("scope", "")]),
    ],
)
def test_empty_pairs_are_ignored_and_a_name_without_equals_sign_has_an_empty_value(body, pairs):
    assert parse_form(body) == pairs

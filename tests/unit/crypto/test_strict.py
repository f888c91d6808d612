import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.crypto.strict import base64url, base64url_decode, json_object

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.binary(max_size=100))
def test_base64url_round_trips(data: bytes):
    assert base64url_decode(base64url(data)) == data


@given(st.text(max_size=40) | st.text("AQgw-_=+/\n ", max_size=8))
def test_base64url_decode_accepts_one_encoding_per_value(text: str):
    try:
        data = base64url_decode(text)
    except ValueError:
        return
    assert base64url(data) == text


@pytest.mark.parametrize("text", ["A", "AA=", "AA==", "AB", "A A", "AA\n", "+/", "é", "\ud800", "AAAAA", "="])
def test_non_canonical_base64url_is_refused(text: str):
    with pytest.raises(ValueError, match=r"."):
        base64url_decode(text)


@given(st.dictionaries(st.text(), JSON))
def test_json_object_agrees_with_the_standard_parser(value: dict[str, Any]):
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert json_object(text) == value
        assert json_object(text.encode()) == value


@given(st.binary(max_size=60))
def test_json_object_raises_value_error_only(data: bytes):
    try:
        json_object(data)
    except ValueError:
        return
    assert isinstance(json.loads(base64.b64decode(base64.b64encode(data))), dict)


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":1}', '{"x":{"a":1,"a":1}}', "[]", "1", "{", "", '{"a":NaN}', '{"a":-Infinity}', '{"a":1e999}'],
)
def test_ambiguous_json_is_refused(text: str):
    with pytest.raises(ValueError, match=r"."):
        json_object(text)


@pytest.mark.parametrize("text", [r'{"a":"\ud800"}', r'{"\udfff":1}', r'{"a":["\uD800x"]}'])
def test_lone_surrogate_is_refused(text: str):
    with pytest.raises(ValueError, match="surrogates"):
        json_object(text)
    assert json_object(r'{"a":"\ud83d\ude00"}') == {"a": "\U0001f600"}


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_deeply_nested_json_is_refused(text: str):
    with pytest.raises(ValueError, match="deep"):
        json_object(text)

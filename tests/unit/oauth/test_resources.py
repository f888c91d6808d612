"""Resource indicators (RFC 8707 2)."""

import pytest

from libs.oauth.errors import InvalidTarget
from libs.oauth.resources import MAX_LENGTH, MAX_RESOURCES, parse_resources

LONGEST = "urn:" + "x" * (MAX_LENGTH - 4)


@pytest.mark.parametrize(
    "uri",
    [
        "https://api.example",
        "https://api.example/",
        "https://api.example:8443/orders?tenant=1",
        "http://127.0.0.1:9000/mcp",
        "https://[2001:db8::1]/api",
        "urn:example:api",
        "com.example.api:/orders",
        "https://api.example/a%20b",
        LONGEST,
    ],
)
def test_absolute_uri_is_a_valid_resource(uri):
    assert parse_resources(uri) == (uri,)


@pytest.mark.s(25)
@pytest.mark.parametrize(
    "uri",
    [
        "orders",
        "/orders",
        "//api.example/orders",
        "https:",
        "https:///orders",
        "https:orders",
        "https://api.example#orders",
        "https://api.example#",
        "https://bank.example@evil.example/",
        "https://api.example:port/",
        "https://[::1/",
        "https://api.example/\\orders",
        'https://api.example/"',
        "https://api.example/ü",
        "https://api.example/\n",
        "1urn:x",
        ":x",
        LONGEST + "x",
    ],
)
def test_anything_else_is_refused(uri):
    with pytest.raises(InvalidTarget) as refusal:
        parse_resources(uri)
    assert refusal.value.reason == "RESOURCE_MALFORMED"


def test_resources_are_parsed_in_order_without_duplicates():
    assert parse_resources("urn:b urn:a urn:b") == ("urn:b", "urn:a")
    assert parse_resources("") == ()


@pytest.mark.s(61)
def test_too_many_resources_are_refused():
    few = tuple(f"urn:x:{number}" for number in range(MAX_RESOURCES))
    assert parse_resources(" ".join(few)) == few
    with pytest.raises(InvalidTarget) as refusal:
        parse_resources(" ".join((*few, "urn:y")))
    assert refusal.value.reason == "RESOURCE_COUNT"


def test_empty_resource_is_refused():
    with pytest.raises(InvalidTarget):
        parse_resources("urn:a  urn:b")

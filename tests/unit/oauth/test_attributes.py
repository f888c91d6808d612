"""Attributes beyond the standard claims, as an operator's file has them."""

import pytest

from libs.oauth.attributes import parse_attributes

FILE = """
[attributes.department]
type = "text"
writer = "operator"
scope = "employee"
label = { en = "Department", de = "Abteilung" }

[attributes."https://example.com/claims/likes"]
type = "texts"
writer = "person"
scope = "likes"
label = "What you like"
"""


def test_attributes_file_is_parsed_with_type_writer_and_scope():
    attributes = parse_attributes(FILE)
    assert attributes.scopes == ("employee", "likes")
    assert attributes.of(("openid", "employee")) == ("department",)
    assert attributes.of(("openid", "profile", "email")) == ()
    assert attributes.written_by_users() == ["https://example.com/claims/likes"]
    assert attributes.by_name["department"].label == {"en": "Department", "de": "Abteilung"}
    assert parse_attributes("").by_name == {}


@pytest.mark.s(52)
@pytest.mark.parametrize(
    "name",
    ["sub", "email_verified", "email", "updated_at", "iss", "aud", "acr", "amr", "auth_time", "scope", "client_id"],
)
def test_attribute_names_of_standard_claims_are_refused(name):
    with pytest.raises(ValueError, match="standard claim"):
        parse_attributes(FILE.replace("attributes.department", f"attributes.{name}"))


@pytest.mark.s(52)
@pytest.mark.parametrize("name", ["roles", "groups", "entitlements", "tenant"])
def test_authorization_attributes_cannot_be_written_by_users(name):
    text = FILE.replace("attributes.department", f"attributes.{name}")
    assert name in parse_attributes(text).by_name
    with pytest.raises(ValueError, match="authorization"):
        parse_attributes(text.replace('writer = "operator"', 'writer = "person"'))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("department", "Department"),
        ("department", '"http://example.com/x"'),
        ('"text"', '"html"'),
        ('"operator"', '"client"'),
        ('"operator"', '"unknown"'),
        ('scope = "employee"', 'scope = "profile"'),
        ('scope = "employee"', 'scope = "openid"'),
        ('scope = "employee"', 'scope = "two values"'),
        ('scope = "employee"', ""),
        ("en =", "fr ="),
        ('"Department"', '"two\\nlines"'),
        ('scope = "employee"', 'scope = "employee"\nsecret = "x"'),
        ('type = "text"', 'type = ["text"]'),
        ("[attributes.department]", "[attributes.department"),
    ],
)
def test_invalid_attributes_file_is_refused(good, bad):
    with pytest.raises((ValueError, TypeError)):
        parse_attributes(FILE.replace(good, bad, 1))


@pytest.mark.parametrize(
    ("kind", "holds", "holds_not"),
    [
        ("text", ["x", "Zoë"], ["", " ", "a\nb", 1, None, "x" * 256, ["x"]]),
        ("number", [1, 1.5, -3], ["1", True, float("inf"), float("nan"), 2**60]),
        ("boolean", [True, False], ["true", 1, None]),
        ("date", ["2026-02-28"], ["2026-02-30", "28.2.2026", "20260228", ""]),
        ("texts", [["a"], ["a", "b"]], [[], "a", ["a", ""], [1], ["a"] * 51]),
    ],
)
def test_attribute_accepts_values_of_its_type_only(kind, holds, holds_not):
    attribute = parse_attributes(FILE.replace('"text"', f'"{kind}"', 1)).by_name["department"]
    assert all(attribute.accepts(value) for value in holds)
    assert not any(attribute.accepts(value) for value in holds_not)

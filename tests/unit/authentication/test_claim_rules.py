"""The value rules of OpenID Connect Core 5.1, one refusal per line."""

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.oauth.errors import InvalidRequest
from services.authentication.domain.accounts.claim_rules import parse_profile
from services.authentication.domain.accounts.claims import CLAIM_NAMES, Profile

TODAY = date(2026, 5, 4)
TEXTS = sorted(set(CLAIM_NAMES) - {"email_verified", "phone_number_verified", "address"})
FLAGS = {"email_verified": "email", "phone_number_verified": "phone_number"}
GOOD = {"email": "alice@example.org", "phone_number": "+1 425 555 1212"}


def parsed(**claims: object) -> dict[str, object]:
    return parse_profile(claims, today=TODAY).claims()


def refused(**claims: object) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refusal:
        parse_profile(claims, today=TODAY)
    return refusal.value


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(
    "value", [None, "", " ", "null", "NULL", 1, 1.5, True, [], {}, ["a"], "a\x00b", "a\nb", "x" * 3000]
)
def test_a_text_claim_is_a_string_with_something_in_it(name: str, value: object) -> None:
    error = refused(**{name: value})
    assert error.reason == "CLAIM_MALFORMED"
    assert f"The claim {name} " in error.description


@pytest.mark.s(52)
@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("value", ["true", "false", 1, 0, 1.0, None, [], {}])
def test_what_is_verified_is_a_boolean(name: str, value: object) -> None:
    assert refused(**{name: value, FLAGS[name]: GOOD[FLAGS[name]]}).reason == "CLAIM_MALFORMED"


@pytest.mark.s(52)
@pytest.mark.parametrize("name", FLAGS)
def test_verified_claims_are_absent_unless_they_are_given(name: str) -> None:
    what = FLAGS[name]
    assert parsed(**{what: GOOD[what]})[name] is False
    assert parsed(**{what: GOOD[what], name: True})[name] is True
    assert refused(**{name: True}).reason == "CLAIM_MALFORMED"


@pytest.mark.s(52)
@pytest.mark.parametrize("name", ["sub", "updated_at", "iss", "emial", "_claim_names", "", "Email", "x" * 1000, 'a"b'])
def test_a_claim_that_is_not_for_setting_is_refused(name: str) -> None:
    error = refused(**{name: "value"})
    assert error.reason == "CLAIM_UNKNOWN"
    assert len(error.description) < 400
    assert "?" not in error.description


@pytest.mark.parametrize(
    "value", ["1990-02-28", "2024-02-29", "0000-12-31", "0000-02-29", "1850", "2026", "2026-05-04"]
)
def test_birthdates(value: str) -> None:
    assert parsed(birthdate=value) == {"birthdate": value}


@pytest.mark.parametrize(
    "value",
    ["1990-2-28", "1990-02-30", "1990-02", "19900228", "1849", "1849-12-31", "0000", "2027", "2026-05-05", "0000-13-01",
     "28.02.1990", "١٩٩٠", "1990-02-28T00:00:00", "2023-02-29", "-990-01-01"],
)  # fmt: skip
def test_what_is_no_birthdate(value: str) -> None:
    assert refused(birthdate=value).reason == "CLAIM_MALFORMED"


@pytest.mark.parametrize("name", ["profile", "picture", "website"])
@pytest.mark.parametrize(
    "value",
    ["javascript:alert(1)", "data:text/html,x", "//example.org", "example.org", "https://", "http://[", "https://a b"],
)
def test_what_is_no_web_address(name: str, value: str) -> None:
    assert refused(**{name: value}).reason == "CLAIM_MALFORMED"


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        (
            "email",
            ["alice@example.org", "a+b@example.org", "用户@例子.公司"],
            ["alice", "@example.org", "a@", "a b@c", "a@b@c"],
        ),
        (
            "zoneinfo",
            ["Europe/Paris", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "UTC"],
            ["Europe/", "/Paris", "+01:00"],
        ),
        ("locale", ["en", "en-US", "en_US", "zh-Hant-TW", "es-419"], ["e", "english language", "en-", "en--US"]),
        (
            "phone_number",
            ["+1 (425) 555-1212", "+56 (2) 687 2400", "+1 (604) 555-1234;ext=5678", "4255551212"],
            ["+", "call me", "+1;ext=", "+1 425 555 1212 x5"],
        ),
    ],
)
def test_claims_with_a_shape(name: str, good: list[str], bad: list[str]) -> None:
    for value in good:
        assert parsed(**{name: value})[name] == value
    for value in bad:
        assert refused(**{name: value}).reason == "CLAIM_MALFORMED"


def test_an_address_has_the_members_of_the_standard() -> None:
    address = {
        "formatted": "1 High Street\r\nTown",
        "street_address": "1 High Street\nBack door",
        "locality": "Town",
        "region": "Shire",
        "postal_code": "AB1 2CD",
        "country": "GB",
    }
    assert parsed(address=address) == {"address": address}


@pytest.mark.parametrize(
    "value",
    [
        {},
        "1 High Street",
        None,
        [],
        {"city": "Town"},
        {"country": ""},
        {"country": None},
        {"country": 1},
        {"region": "a\nb"},
    ],
)
def test_what_is_no_address(value: object) -> None:
    assert refused(address=value).reason == "CLAIM_MALFORMED"


def test_a_profile_survives_being_stored() -> None:
    profile = parse_profile({"name": "Alice", "address": {"country": "GB"}, "email": "a@b.example"}, today=TODAY)
    assert Profile.of(profile.claims()) == profile
    assert Profile.of({}) == Profile()


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=5,
)


def outcome(claims: dict[str, Any]) -> dict[str, object] | InvalidRequest:
    try:
        return parsed(**claims)
    except InvalidRequest as error:
        return error


@settings(suppress_health_check=[HealthCheck.too_slow])  # nested JSON takes long to generate on a busy machine
@given(st.dictionaries(st.sampled_from([*CLAIM_NAMES, "other"]), json_values))
def test_whatever_is_sent_is_a_profile_or_a_clear_refusal(claims: dict[str, Any]) -> None:
    emitted = outcome(claims)
    if isinstance(emitted, InvalidRequest):
        assert emitted.reason in {"CLAIM_UNKNOWN", "CLAIM_MALFORMED"}
        assert "?" not in emitted.description
    else:
        assert claims.items() <= emitted.items()
        assert all(value not in (None, "", {}) for value in emitted.values())

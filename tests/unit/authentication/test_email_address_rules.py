"""Which addresses can be written to, and when two of them are the same."""

import pytest

from libs.oauth.errors import InvalidRequest
from services.authentication.domain.accounts.email_addresses import address_key, check_address, writable
from services.authentication.domain.accounts.usernames import lookup_key


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("alice@example.com", "alice@example.com"),
        ("a.b+c'd@mail.example.co.uk", "a.b+c'd@mail.example.co.uk"),
        ("alice@bücher.example", "alice@xn--bcher-kva.example"),
        ("Alice@EXAMPLE.com", "Alice@EXAMPLE.com"),
        ("alice@straße.de", "alice@xn--strae-oqa.de"),
        ("alice@STRAẞE.de", "alice@xn--strae-oqa.de"),
        ("alice@faß。example", "alice@xn--fa-hia.example"),
    ],
)
def test_an_address_is_written_in_ascii(address: str, written: str) -> None:
    assert writable(address) == written
    assert check_address(f" {address} ") == written


@pytest.mark.parametrize(
    "address",
    [
        *("", "alice", "alice@", "@example.com", "alice@localhost", "a@b@example.com", "alice@-example.com"),
        *("al ice@example.com", "alice@exam ple.com", "alice@example.com\nBcc: eve@example.com", "a\r@example.com"),
        *("alice@example.com,eve@example.com", "<alice@example.com>", '"alice b"@example.com', "alice@[192.0.2.1]"),
        *(
            ".alice@example.com",
            "al..ice@example.com",
            "älice@example.com",
            "alice@example.com\0",
            "alice\u2028@x.example",
        ),
        *(f"{'a' * 65}@example.com", f"alice@{'a' * 64}.example", f"alice@{'a.' * 130}example", "alice@example..com"),
    ],
)
def test_what_could_carry_something_else_is_no_address(address: str) -> None:
    assert writable(address) is None
    with pytest.raises(InvalidRequest) as refusal:
        check_address(address)
    assert refusal.value.reason == "ADDRESS_MALFORMED"


def test_addresses_that_differ_in_case_are_one() -> None:
    assert address_key("Alice@Example.COM") == address_key("alice@example.com") == "alice@example.com"
    assert address_key("alice@example.org") != address_key("alice@example.com")
    assert address_key(None) is None
    assert address_key("alice") is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a@straße.de", "a@xn--strae-oqa.de", True),
        ("a@STRASSE.de", "a@straße.de", False),
        ("a@strasse.de", "a@straße.de", False),
        ("a@b\u00fccher.example", "A@bu\u0308cher.example", True),
        ("a@\uff45xample.org", "a@example.org", True),
        ("a@ex\u3002org", "a@ex.org", True),
        ("\uff41@example.org", "A@EXAMPLE.org", True),
    ],
)
def test_usernames_and_addresses_are_compared_by_the_domain_that_gets_the_email(
    one: str, other: str, *, same: bool
) -> None:
    assert (address_key(one) == address_key(other)) is same
    assert (lookup_key(one) == lookup_key(other)) is same

import pytest

from services.authentication.domain.origin import Origin, address_prefix


@pytest.mark.s(60)
@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        (" 203.0.113.77 ", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("::1", "::/48"),
        ("", ""),
        ("203.0.113.77:5000", ""),
        ("localhost", ""),
        ("203.0.113.77, 10.0.0.1", ""),
        ("\x00", ""),
    ],
)
def test_only_a_prefix_of_an_address_is_told(address: str, prefix: str) -> None:
    assert address_prefix(address) == prefix


def test_identifiers_that_are_none_are_left_out() -> None:
    origin = Origin.of(remote_address="", client_id="c_shop", correlation_id="a\x00b")
    assert origin == Origin(client_id="c_shop")
    assert Origin.of(remote_address="", client_id="x" * 256, correlation_id="") == Origin()
    assert Origin.of(remote_address="", client_id="ü", correlation_id="") == Origin()

import pytest

from libs.oauth.addresses import address_prefix


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
def test_address_prefix_is_24_or_48_bits(address: str, prefix: str) -> None:
    assert address_prefix(address) == prefix

"""Only public addresses, whatever they are dressed up as."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libs.fetch.addresses import AddressClass, IPAddress, classify
from libs.fetch.errors import FetchRefused, Reason
from libs.fetch.policy import FetchPolicy
from libs.fetch.url import parse_target

pytestmark = pytest.mark.s(43)

NAT64 = IPv6Network("64:ff9b::/96")
V4_NETWORKS = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/29 192.0.2.0/24 192.168.0.0/16 "
    "198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"
)
V6_NETWORKS = "::/1 ::/96 ::ffff:0:0/96 100::/64 2001:db8::/32 2001::/32 2002::/16 3fff::/20 fc00::/7 fe80::/10 fec0::/10 ff00::/8"

v4_not_global = st.one_of([st.ip_addresses(v=4, network=network) for network in V4_NETWORKS.split()])
v6_not_global = st.one_of([st.ip_addresses(v=6, network=network) for network in V6_NETWORKS.split()]).filter(
    lambda address: address not in NAT64
)


def _short(address: IPv4Address, parts: int) -> str:
    """A short form of inet_aton: the last number holds all bytes that have no number of their own."""
    rest = int(address) & ((1 << 8 * (5 - parts)) - 1)
    return ".".join(map(str, [*address.packed[: parts - 1], rest]))


def _inside(network: str, address: IPv4Address, *, shift: int = 0) -> str:
    return f"[{IPv6Address(int(ip_address(network)) | (int(address) << shift))}]"


V4_NOTATIONS: dict[str, Callable[[IPv4Address], str]] = {
    "dotted": str,
    "decimal": lambda a: str(int(a)),
    "hexadecimal": lambda a: hex(int(a)),
    "octal": lambda a: f"0{int(a):o}",
    "dotted hexadecimal": lambda a: ".".join(hex(part) for part in a.packed),
    "dotted octal": lambda a: ".".join(f"0{part:o}" for part in a.packed),
    "dotted with zeros": lambda a: ".".join(f"{part:03}" for part in a.packed),
    "two numbers": lambda a: _short(a, 2),
    "three numbers": lambda a: _short(a, 3),
    "trailing dot": lambda a: f"{a}.",
    "ideographic dots": lambda a: str(a).replace(".", "。"),
    "full-width digits": lambda a: str(a).translate({code: code + 0xFEE0 for code in range(0x30, 0x3A)}),
    "percent-encoded": lambda a: str(a).replace(".", "%2e"),
    "mapped": lambda a: _inside("::ffff:0:0", a),
    "mapped, dotted": lambda a: f"[::ffff:{a}]",
    "mapped, exploded": lambda a: f"[{IPv6Address(f'::ffff:{a}').exploded}]",
    "translated": lambda a: _inside("::ffff:0:0:0", a),
    "compatible": lambda a: _inside("::", a),
    "6to4": lambda a: _inside("2002::", a, shift=80),
    "Teredo server": lambda a: _inside("2001::", a, shift=64),
    "Teredo client": lambda a: _inside("2001::", IPv4Address(int(a) ^ 0xFFFF_FFFF)),
    "NAT64": lambda a: _inside("64:ff9b::", a),
    "NAT64, local use": lambda a: _inside("64:ff9b:1::", a),
    "ISATAP": lambda a: _inside("2606:4700::5efe:0:0", a),
    "ISATAP, universal": lambda a: _inside("2606:4700::200:5efe:0:0", a),
}
V6_NOTATIONS: dict[str, Callable[[IPv6Address], str]] = {
    "compressed": lambda a: f"[{a}]",
    "exploded": lambda a: f"[{a.exploded}]",
    "upper case": lambda a: f"[{str(a).upper()}]",
    "zone": lambda a: f"[{a}%1]",
    "encoded zone": lambda a: f"[{a}%25eth0]",
    "bare": str,
}


def refused(host: str) -> Reason | None:
    """Why nothing would be asked of this host, if it is one at all; never by taking it for a name."""
    try:
        target = parse_target(f"https://{host}/")
        assert target.address is not None
        FetchPolicy().check_addresses(target, [str(target.address)])
    except FetchRefused as refusal:
        return refusal.reason
    return None


@pytest.mark.parametrize("notation", V4_NOTATIONS)
@given(address=v4_not_global)
@example(address=IPv4Address("127.0.0.1"))
@example(address=IPv4Address("169.254.169.254"))
@example(address=IPv4Address("0.0.0.0"))
def test_non_public_ipv4_is_refused_in_every_notation(notation: str, address: IPv4Address):
    assert refused(V4_NOTATIONS[notation](address)) in {Reason.ADDRESS_FORBIDDEN, Reason.URL_MALFORMED}


@pytest.mark.parametrize("notation", V6_NOTATIONS)
@given(address=v6_not_global)
@example(address=IPv6Address("::1"))
@example(address=IPv6Address("::"))
def test_non_public_ipv6_is_refused_in_every_notation(notation: str, address: IPv6Address):
    assert refused(V6_NOTATIONS[notation](address)) in {Reason.ADDRESS_FORBIDDEN, Reason.URL_MALFORMED}


@given(st.ip_addresses())
def test_public_addresses_are_global_for_ipaddress(address: IPAddress):
    if classify(address) is AddressClass.PUBLIC:
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=4))
def test_nat64_address_has_the_class_of_its_ipv4_address(address: IPv4Address):
    outside = classify(IPv6Address(int(NAT64.network_address) | int(address)))
    assert (outside is AddressClass.PUBLIC) == (classify(address) is AddressClass.PUBLIC)
    assert outside is not AddressClass.PRIVATE


@pytest.mark.parametrize(
    "text",
    ["8.8.8.8", "1.1.1.1", "93.184.215.14", "223.255.255.1", "2606:4700::1111", "2a00:1450::1", "64:ff9b::808:808"],
)
def test_public_addresses_are_public(text: str):
    assert classify(ip_address(text)) is AddressClass.PUBLIC


@pytest.mark.parametrize(
    "text", ["127.0.0.1", "127.255.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "::1", "fd12::1"]
)
def test_private_addresses_are_private(text: str):
    assert classify(ip_address(text)) is AddressClass.PRIVATE


@pytest.mark.parametrize(
    "text",
    [
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fd00:ec2::254",
        "fd20:ce::254",
        "::ffff:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "fe80::1",
        "fe80::1%1",
        "2606:4700::1%1",
        "0.0.0.0",
        "::",
        "100.64.0.1",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
    ],
)
def test_metadata_link_local_and_embedded_addresses_are_forbidden(text: str):
    assert classify(ip_address(text)) is AddressClass.FORBIDDEN

"""Classification of IP addresses: public, private, forbidden.

The table follows the IANA special-purpose address registries (RFC 6890) and is stricter for ranges without web servers.
`ipaddress.is_global` is not used: its results changed between patch releases of Python.
"""

from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

IPAddress = IPv4Address | IPv6Address


class AddressClass(Enum):
    PUBLIC = "public"
    PRIVATE = "private"
    """Loopback and private use: permitted only for hosts on the operator's list."""
    FORBIDDEN = "forbidden"
    """Never permitted: metadata services, link-local, multicast, reserved, transition formats and others."""


def _networks(*texts: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in texts)


_METADATA = _networks(
    "100.100.100.200/32",  # Alibaba Cloud
    "168.63.129.16/32",  # Azure: a public address for a host-local service
    "169.254.0.0/16",  # most clouds, and link-local
    "192.0.0.0/24",  # Oracle Cloud, and protocol assignments
    "fd00:ec2::/32",  # Amazon
    "fd20:ce::/32",  # Google Cloud
)
_PRIVATE = _networks("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
_SPECIAL = _networks(
    "0.0.0.0/8",  # this host
    "100.64.0.0/10",  # carrier-grade NAT (RFC 6598)
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # 6to4 relays
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, broadcast
    "2001::/23",  # protocol assignments; Teredo embeds IPv4 (RFC 4380)
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4 embeds IPv4 (RFC 3056)
    "3fff::/20",  # documentation
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""The only IPv6 range of public addresses. `::ffff:a.b.c.d` and `::a.b.c.d` are outside of it."""
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP_MARKS = (0x0000_5EFE, 0x0200_5EFE)


def classify(address: IPAddress) -> AddressClass:
    """Return the class of an address. An IPv6 address with an embedded IPv4 address is public only if that one is."""
    if _in(address, _METADATA):
        return AddressClass.FORBIDDEN
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return AddressClass.FORBIDDEN
        if address in _NAT64:  # used by hosts without IPv4 to reach IPv4 servers (RFC 6052)
            embedded = classify(_last_four_bytes(address))
            return AddressClass.PUBLIC if embedded is AddressClass.PUBLIC else AddressClass.FORBIDDEN
    if _in(address, _PRIVATE):
        return AddressClass.PRIVATE
    return AddressClass.FORBIDDEN if _special(address) else AddressClass.PUBLIC


def _special(address: IPAddress) -> bool:
    if _in(address, _SPECIAL):
        return True
    if isinstance(address, IPv4Address):
        return False
    return address not in _GLOBAL_UNICAST or (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP_MARKS


def _in(address: IPAddress, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return any(address in network for network in networks)


def _last_four_bytes(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFF_FFFF)

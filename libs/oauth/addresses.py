"""What may be told to others of where a request came from."""

from ipaddress import IPv6Address, ip_address, ip_network


def address_prefix(address: str) -> str:
    """The /24 of an IPv4 or the /48 of an IPv6 address; empty when it is no address."""
    try:
        parsed = ip_address(address.strip().partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))

"""IP address prefixes: what events and pages may contain of the address of a request."""

from ipaddress import IPv6Address, ip_address, ip_network

_PRIVATE = tuple(
    map(
        ip_network,
        (
            *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
            *("fc00::/7", "fe80::/10", "::/48"),
        ),
    )
)


def address_prefix(address: str) -> str:
    """Return the /24 of an IPv4 or the /48 of an IPv6 address; empty if the text is not an address."""
    try:
        parsed = ip_address(address.strip().partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))


def is_public(prefix: str) -> bool:
    """Return whether the prefix is a public network of the internet.

    A private network may stand for many users: a company behind its proxy, or all users behind an ingress that is not
    in `trusted_proxies`.
    """
    try:
        network = ip_network(prefix)
    except ValueError:
        return False
    return not any(
        network.version == private.version and network.subnet_of(private)  # type: ignore[arg-type] # same version, checked before
        for private in _PRIVATE
    )

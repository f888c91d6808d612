"""What may be told to others of where a request came from."""

from ipaddress import IPv6Address, ip_address, ip_network

_OF_MANY = tuple(
    map(
        ip_network,
        (
            *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
            *("fc00::/7", "fe80::/10", "::/48"),
        ),
    )
)


def address_prefix(address: str) -> str:
    """The /24 of an IPv4 or the /48 of an IPv6 address; empty when it is no address."""
    try:
        parsed = ip_address(address.strip().partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))


def is_public(prefix: str) -> bool:
    """Is this one network of the internet?

    Others stand for many people: a company behind its proxy, or an ingress whose header is not trusted
    (`trusted_proxies`), and then for the whole world.
    """
    try:
        network = ip_network(prefix)
    except ValueError:
        return False
    return not any(
        network.version == many.version and network.subnet_of(many)  # type: ignore[arg-type] # one version, said before
        for many in _OF_MANY
    )

"""Where a request came from, reduced to what may be told to others."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

_MAX_ID = 255


@dataclass(frozen=True)
class Origin:
    """For facts and limits only: nothing in it decides who somebody is."""

    ip_prefix: str = ""
    client_id: str = ""
    correlation_id: str = ""

    @classmethod
    def of(cls, *, remote_address: str, client_id: str, correlation_id: str) -> "Origin":
        return cls(address_prefix(remote_address), _plain_id(client_id), _plain_id(correlation_id))


def address_prefix(address: str) -> str:
    """The /24 of an IPv4 or the /48 of an IPv6 address; empty when it is no address."""
    try:
        parsed = ip_address(address.strip().partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))


def _plain_id(text: str) -> str:
    """The identifier, or nothing when it is too long or has characters that no identifier of ours has."""
    return text if len(text) <= _MAX_ID and text.isascii() and text.isprintable() else ""

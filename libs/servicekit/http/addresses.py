"""The client address of an HTTP request, for events and rate limits. Not for authentication."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address

from aiohttp import web

Networks = Iterable[IPv4Network | IPv6Network]


def comes_from(request: web.BaseRequest, networks: Networks) -> bool:
    """Return whether the peer of the connection is in one of these networks."""
    return is_in(request.remote or "", networks)


def remote_address(request: web.BaseRequest, trusted_proxies: Networks) -> str:
    """Return the nearest hop that is not a trusted proxy, or the furthest hop that can be parsed.

    Reads X-Forwarded-For from its end, and only as long as each hop is a trusted proxy (RFC 7239 8.1). So a client
    cannot choose its address by sending this header.
    """
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", []))
    address = request.remote or ""
    for hop in reversed(forwarded.split(",")):
        if not is_in(address, trusted_proxies) or not _is_address(hop.strip()):
            break
        address = hop.strip()
    return address


def is_in(address: str, networks: Networks) -> bool:
    """Whether the address is in one of the networks. False for text that is not an address."""
    return _is_address(address) and any(ip_address(address) in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True

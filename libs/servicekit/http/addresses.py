"""The address of whoever calls an HTTP edge, for events and limits: never for a decision about identity."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address

from aiohttp import web

Networks = Iterable[IPv4Network | IPv6Network]


def comes_from(request: web.BaseRequest, networks: Networks) -> bool:
    """Is the other end of the connection one of these?"""
    return is_in(request.remote or "", networks)


def remote_address(request: web.BaseRequest, trusted_proxies: Networks) -> str:
    """The nearest hop that is not one of our proxies, or the furthest one that can be read.

    X-Forwarded-For is walked from its end, where our own proxies wrote, and only as long as a trusted hop vouches for
    the next (RFC 7239 8.1): what a stranger put at its beginning is never reached.
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

"""Permitted targets and limits of fetches. By default: https on port 443 to public addresses."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from libs.fetch.addresses import AddressClass, IPAddress, classify
from libs.fetch.errors import FetchRefused, Reason
from libs.fetch.url import HTTPS_PORT, Target, parse_authority


@dataclass(frozen=True)
class AllowedHost:
    """A host whose loopback and private addresses are permitted, for development and tests."""

    host: str
    port: int | None = None
    """The permitted port; None: the ports of the policy."""

    @classmethod
    def parse(cls, text: str) -> "AllowedHost":
        """Parse an exact `host` or `host:port`, for example `localhost:8443` or `[::1]`.

        Raises:
            ValueError: for anything else, such as wildcards.
        """
        try:
            host, port, _ = parse_authority(text)
        except FetchRefused:
            raise ValueError(
                "must be exact hosts or host:port, separated by commas, for example localhost:8443"
            ) from None
        return cls(host, port)


@dataclass(frozen=True, kw_only=True)
class FetchPolicy:
    """Permitted targets and limits. Times are in seconds, sizes in bytes."""

    ports: frozenset[int] = frozenset({HTTPS_PORT})
    """Permitted ports of public hosts. A free choice of port would allow port scans and non-HTTP protocols."""
    allowed_private_hosts: frozenset[AllowedHost] = frozenset()
    """Hosts whose private addresses are permitted. Forbidden addresses, such as metadata services, stay forbidden."""
    loopback: bool = False
    """For development: permit `localhost` and loopback addresses on any port, with http or https."""
    extra_ca: Path | None = None
    """PEM file of certificate authorities that are trusted in addition to those of the system."""
    total_seconds: float = 5
    """From the call to the last byte, including the wait for a slot."""
    resolve_seconds: float = 2
    connect_seconds: float = 2
    """TCP and TLS together, for each group of addresses."""
    max_bytes: int = 64 * 1024
    """Default limit of the size of a body."""
    max_at_once: int = 32
    max_at_once_per_host: int = 4
    max_waiting: int = 256
    """Limit of fetches that wait for a slot; further ones are refused at once."""

    def check_port(self, target: Target) -> None:
        """Raise FetchRefused (PORT or SCHEME) unless scheme and port are permitted."""
        if self._is_loopback(target):
            return
        if target.plain:
            raise FetchRefused(Reason.SCHEME, "is not https")
        if target.port not in self.ports and AllowedHost(target.host, target.port) not in self.allowed_private_hosts:
            raise FetchRefused(Reason.PORT, f"port {target.port}")

    def check_addresses(self, target: Target, addresses: Sequence[str]) -> tuple[IPAddress, ...]:
        """Return the addresses if all are permitted. One forbidden address among public ones indicates an attack.

        Raises:
            FetchRefused: ADDRESS_FORBIDDEN, or UNRESOLVED if the list is empty.
        """
        if not addresses:
            raise FetchRefused(Reason.UNRESOLVED, "no address")
        permitted = {AddressClass.PUBLIC} | ({AddressClass.PRIVATE} if self._allows_private(target) else set())
        checked = tuple(_address(text) for text in addresses)
        if self._is_loopback(target):
            if not all(address.is_loopback for address in checked):
                raise FetchRefused(Reason.ADDRESS_FORBIDDEN)
            return checked
        if not all(classify(address) in permitted for address in checked):
            raise FetchRefused(Reason.ADDRESS_FORBIDDEN)
        return checked

    def _is_loopback(self, target: Target) -> bool:
        named = target.host == "localhost" or (target.address is not None and target.address.is_loopback)
        return self.loopback and named

    def _allows_private(self, target: Target) -> bool:
        exact = AllowedHost(target.host, target.port) in self.allowed_private_hosts
        return exact or (AllowedHost(target.host) in self.allowed_private_hosts and target.port in self.ports)


def _address(text: str) -> IPAddress:
    try:
        return ip_address(text)
    except ValueError:
        raise FetchRefused(Reason.ADDRESS_FORBIDDEN, "the resolver returned an invalid address") from None

"""What an operator allows; without a word of theirs, nothing but https on port 443 to public addresses."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from libs.fetch.addresses import IPAddress, Standing, standing
from libs.fetch.errors import FetchRefused, Reason
from libs.fetch.url import HTTPS_PORT, Target, parse_authority


@dataclass(frozen=True)
class AllowedHost:
    """A host whose loopback and private addresses may be reached: for development and for tests."""

    host: str
    port: int | None = None
    """This port and no other; None: the ports of the policy."""

    @classmethod
    def parse(cls, text: str) -> "AllowedHost":
        """Reads an exact `host` or `host:port`, for example `localhost:8443` or `[::1]`.

        Raises:
            ValueError: for anything else; there are no wildcards.
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
    """Where fetches may go and what they may cost. Times are seconds, sizes bytes."""

    ports: frozenset[int] = frozenset({HTTPS_PORT})
    """Ports of public hosts. Others are refused: who may choose them can scan and talk to what is not HTTP."""
    allowed_private_hosts: frozenset[AllowedHost] = frozenset()
    """Off by default. Metadata services and the like stay out of reach even for these."""
    loopback: bool = False
    """For development: `localhost` and loopback addresses may be reached at any port, without TLS as well."""
    extra_ca: Path | None = None
    """PEM of authorities that are trusted besides those of the system."""
    total_seconds: float = 5
    """From the call to the last byte, waiting for a slot included."""
    resolve_seconds: float = 2
    connect_seconds: float = 2
    """TCP and TLS together, for each group of addresses that is tried."""
    most_bytes: int = 64 * 1024
    """The size of a body where the caller names none."""
    most_at_once: int = 32
    most_at_once_per_host: int = 4
    most_waiting: int = 256
    """Fetches that wait for a slot; further ones are refused at once."""

    def judge_port(self, target: Target) -> None:
        """Raises FetchRefused(PORT) unless the port may be reached."""
        if self._is_loopback(target):
            return
        if target.plain:
            raise FetchRefused(Reason.SCHEME, "is not https")
        if target.port not in self.ports and AllowedHost(target.host, target.port) not in self.allowed_private_hosts:
            raise FetchRefused(Reason.PORT, f"port {target.port}")

    def judge_addresses(self, target: Target, addresses: Sequence[str]) -> tuple[IPAddress, ...]:
        """The addresses, if every single one may be reached: one forbidden address among public ones is an attack.

        Raises:
            FetchRefused: ADDRESS_FORBIDDEN, or UNRESOLVED when there is none.
        """
        if not addresses:
            raise FetchRefused(Reason.UNRESOLVED, "no address")
        reachable = {Standing.PUBLIC, Standing.PRIVATE} if self._allows_private(target) else {Standing.PUBLIC}
        judged = tuple(_address(text) for text in addresses)
        if self._is_loopback(target):
            if not all(address.is_loopback for address in judged):
                raise FetchRefused(Reason.ADDRESS_FORBIDDEN)
            return judged
        if not all(standing(address) in reachable for address in judged):
            raise FetchRefused(Reason.ADDRESS_FORBIDDEN)
        return judged

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
        raise FetchRefused(Reason.ADDRESS_FORBIDDEN, "the resolver's answer is no address") from None

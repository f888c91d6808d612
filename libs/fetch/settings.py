"""Settings of outbound fetches, a mixin for the settings of a service.

``class TokenSettings(FetchSettings, GrpcSettings, DatabaseSettings)`` also reads LATCHKEY_FETCH_...;
``settings.fetch_policy()`` returns the policy for a Fetcher.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, FilePath
from pydantic_settings import NoDecode

from libs.fetch.policy import AllowedHost, FetchPolicy
from libs.fetch.url import HTTPS_PORT


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _hosts(value: Any) -> Any:
    return frozenset(AllowedHost.parse(part) for part in _parts(value)) if isinstance(value, str) else value


def _ports(value: Any) -> Any:
    return frozenset(_parts(value)) if isinstance(value, str) else value


AllowedHosts = Annotated[frozenset[AllowedHost], NoDecode, BeforeValidator(_hosts)]
Port = Annotated[int, Field(ge=1, le=0xFFFF)]
Ports = Annotated[frozenset[Port], NoDecode, BeforeValidator(_ports)]


class FetchSettings:
    """Settings of a service that fetches. All have defaults."""

    fetch_allowed_private_hosts: AllowedHosts = frozenset()
    """For development: hosts or host:port, separated by commas, whose private addresses are permitted."""
    fetch_extra_ca: FilePath | None = None
    """For development: PEM file of certificate authorities that are trusted in addition to those of the system."""
    fetch_ports: Ports = frozenset({HTTPS_PORT})
    """Permitted ports of public hosts, separated by commas."""
    fetch_total_seconds: float = Field(default=5, gt=0, le=30, allow_inf_nan=False)
    """Time limit of a fetch in seconds."""
    fetch_most_bytes: int = Field(default=64 * 1024, ge=1, le=1024 * 1024)
    """Size limit of a fetched document in bytes."""
    fetch_most_at_once: int = Field(default=32, ge=1, le=1024)
    """Limit of concurrent fetches of a process."""
    fetch_most_at_once_per_host: int = Field(default=4, ge=1, le=1024)
    """Limit of concurrent fetches to one host."""

    def fetch_policy(self) -> FetchPolicy:
        return FetchPolicy(
            ports=self.fetch_ports,
            allowed_private_hosts=self.fetch_allowed_private_hosts,
            extra_ca=self.fetch_extra_ca,
            total_seconds=self.fetch_total_seconds,
            max_bytes=self.fetch_most_bytes,
            max_at_once=self.fetch_most_at_once,
            max_at_once_per_host=self.fetch_most_at_once_per_host,
        )

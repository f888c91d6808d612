"""Configuration of outbound fetches, to be mixed into the settings of a service.

``class TokenSettings(FetchSettings, GrpcSettings, DatabaseSettings)`` reads LATCHKEY_FETCH_... with the rest, and
``settings.fetch_policy()`` is what a Fetcher is given.
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
    """What a service that fetches is told. Nothing has to be set."""

    fetch_allowed_private_hosts: AllowedHosts = frozenset()
    """For development: exact hosts or host:port, separated by commas, whose private addresses may be reached."""
    fetch_extra_ca: FilePath | None = None
    """For development: PEM of authorities that are trusted besides those of the system."""
    fetch_ports: Ports = frozenset({HTTPS_PORT})
    """Ports of public hosts that may be reached, separated by commas."""
    fetch_total_seconds: float = Field(default=5, gt=0, le=30, allow_inf_nan=False)
    """How long a fetch may take in all."""
    fetch_most_bytes: int = Field(default=64 * 1024, ge=1, le=1024 * 1024)
    """How large a fetched document may be."""
    fetch_most_at_once: int = Field(default=32, ge=1, le=1024)
    """How many fetches a process runs at the same time."""
    fetch_most_at_once_per_host: int = Field(default=4, ge=1, le=1024)
    """How many of them go to one host."""

    def fetch_policy(self) -> FetchPolicy:
        return FetchPolicy(
            ports=self.fetch_ports,
            allowed_private_hosts=self.fetch_allowed_private_hosts,
            extra_ca=self.fetch_extra_ca,
            total_seconds=self.fetch_total_seconds,
            most_bytes=self.fetch_most_bytes,
            most_at_once=self.fetch_most_at_once,
            most_at_once_per_host=self.fetch_most_at_once_per_host,
        )

"""Requested resources (RFC 8707), as pages show them."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class ResourceOnPage:
    """`name`: the host of a web URL, otherwise the whole URI; `detail`: the URL if it is more than the host."""

    name: str
    detail: str


def resources_on_page(resources: Iterable[str]) -> list[ResourceOnPage]:
    """Returns each resource once, in the order of the request."""
    return [_on_page(resource) for resource in dict.fromkeys(resources)]


def _on_page(resource: str) -> ResourceOnPage:
    try:
        parts = urlsplit(resource)
    except ValueError:
        return ResourceOnPage(resource, "")
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return ResourceOnPage(resource, "")
    plain = parts.scheme == "https" and parts.path in {"", "/"} and not parts.query
    return ResourceOnPage(parts.netloc, "" if plain else resource)

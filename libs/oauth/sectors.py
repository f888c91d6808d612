"""Sector identifiers: clients of one sector share pairwise subjects (OpenID Connect Core 8.1, Registration 1.0, 5)."""

import json
from collections.abc import Iterable
from urllib.parse import urlsplit

from libs.oauth.errors import InvalidClientMetadata
from libs.oauth.reasons import Reason

PUBLIC = "public"
PAIRWISE = "pairwise"
SUBJECT_TYPES = (PUBLIC, PAIRWISE)
MAX_LISTED = 1_000


def sector_of(sector_identifier_uri: str, redirect_uris: Iterable[str]) -> str:
    """Return the host that identifies the client's sector.

    A client that redirects to loopback addresses or private-use schemes needs a sector_identifier_uri; otherwise all
    such clients would share one sector.

    Raises:
        InvalidClientMetadata: without sector_identifier_uri, the redirect URIs do not share one https host.
    """
    if sector_identifier_uri:
        return _host(sector_identifier_uri)
    hosts = {_host(uri) if urlsplit(uri).scheme == "https" else "" for uri in redirect_uris}
    if len(hosts) != 1 or "" in hosts:
        raise InvalidClientMetadata(
            "subject_type pairwise requires sector_identifier_uri, or redirect_uris that are https and share one host.",
            reason=Reason.METADATA_SECTOR,
        )
    return hosts.pop()


def require_listed(document: bytes, redirect_uris: Iterable[str]) -> None:
    """Check that the document at sector_identifier_uri lists every redirect URI, by exact match.

    Raises:
        InvalidClientMetadata: a URI is missing, or the document is not a JSON array of strings.
    """
    try:
        listed = json.loads(document)
    except (ValueError, RecursionError):
        listed = None
    if not isinstance(listed, list) or len(listed) > MAX_LISTED or not all(isinstance(uri, str) for uri in listed):
        raise InvalidClientMetadata(
            f"The document at sector_identifier_uri must be a JSON array of at most {MAX_LISTED} URIs.",
            reason=Reason.SECTOR_DOCUMENT,
        )
    if not set(redirect_uris) <= set(listed):
        raise InvalidClientMetadata(
            "The document at sector_identifier_uri must list every registered redirect URI.",
            reason=Reason.SECTOR_REDIRECT_URI_UNLISTED,
        )


def _host(uri: str) -> str:
    return urlsplit(uri).hostname or ""

"""Pairwise subjects: whose clients know a person by the same one (OpenID Connect Core 8.1, Registration 1.0, 5)."""

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
    """The host that stands for a client's sector.

    Loopback addresses and private schemes belong to nobody: who redirects there needs a sector_identifier_uri, or all
    such clients would share one sector.

    Raises:
        InvalidClientMetadata: the redirect URIs have more than one host, or none that is anybody's.
    """
    if sector_identifier_uri:
        return _host(sector_identifier_uri)
    hosts = {_host(uri) if urlsplit(uri).scheme == "https" else "" for uri in redirect_uris}
    if len(hosts) != 1 or "" in hosts:
        raise InvalidClientMetadata(
            "pairwise needs sector_identifier_uri, or redirect URIs that are https and have one host.",
            reason=Reason.METADATA_SECTOR,
        )
    return hosts.pop()


def require_listed(document: bytes, redirect_uris: Iterable[str]) -> None:
    """The document behind a sector_identifier_uri lists each redirect URI, character for character.

    Raises:
        InvalidClientMetadata: it does not, or is no JSON array of texts.
    """
    try:
        listed = json.loads(document)
    except (ValueError, RecursionError):
        listed = None
    if not isinstance(listed, list) or len(listed) > MAX_LISTED or not all(isinstance(uri, str) for uri in listed):
        raise InvalidClientMetadata(
            f"sector_identifier_uri must lead to a JSON array of at most {MAX_LISTED} URIs.",
            reason=Reason.SECTOR_DOCUMENT,
        )
    if not set(redirect_uris) <= set(listed):
        raise InvalidClientMetadata(
            "sector_identifier_uri leads to a document that does not list every redirect URI.",
            reason=Reason.SECTOR_REDIRECT_URI_UNLISTED,
        )


def _host(uri: str) -> str:
    return urlsplit(uri).hostname or ""

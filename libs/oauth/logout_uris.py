"""Logout URIs of clients: rules for registration, and the URI that the browser loads."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from libs.oauth.errors import InvalidClientMetadata, InvalidRedirectUri
from libs.oauth.reasons import Reason
from libs.oauth.redirect_uris import check_redirect_uri, origin_of


def backchannel_uri(name: str, value: Any) -> str:
    """Require https and no fragment (OpenID Connect Back-Channel Logout 1.0, 2.2): the server posts to this URI."""
    uri = _uri(name, value)
    if uri and urlsplit(uri).scheme != "https":
        raise InvalidClientMetadata(f"{name} must be an https URL.", reason=Reason.METADATA_LOGOUT_URI)
    return uri


def frontchannel_uri(name: str, value: Any) -> str:
    """Require https, or http on a loopback host, and no fragment (OpenID Connect Front-Channel Logout 1.0, 2)."""
    uri = _uri(name, value)
    if uri and urlsplit(uri).scheme not in {"https", "http"}:
        raise InvalidClientMetadata(f"{name} must be an https URL.", reason=Reason.METADATA_LOGOUT_URI)
    return uri


def shares_origin(uri: str, redirect_uris: Iterable[str]) -> bool:
    """Return whether a redirect URI has the scheme, host and port of the URI (Front-Channel Logout 1.0, 2)."""
    return origin_of(uri) in map(origin_of, redirect_uris)


def with_session(uri: str, *, issuer: str, session_id: str) -> str:
    """Return the registered URI with `iss` and `sid` added, for the browser to load (Front-Channel Logout 1.0, 2)."""
    separator = "" if uri.endswith(("?", "&")) else "&" if "?" in uri else "?"
    return f"{uri}{separator}{urlencode({'iss': issuer, 'sid': session_id}, quote_via=quote, safe='')}"


def _uri(name: str, value: Any) -> str:
    """Return the URI unchanged, checked by the rules for redirect URIs; an empty string means none."""
    if value == "":
        return ""
    try:
        return check_redirect_uri(value if isinstance(value, str) else "")
    except InvalidRedirectUri:
        raise InvalidClientMetadata(
            f"{name} must be an https URL without a fragment.", reason=Reason.METADATA_LOGOUT_URI
        ) from None

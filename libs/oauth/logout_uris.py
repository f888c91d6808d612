"""Where clients hear of the end of a session: what may be registered, and what the browser is given to load."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from libs.oauth.errors import InvalidClientMetadata, InvalidRedirectUri
from libs.oauth.reasons import Reason
from libs.oauth.redirect_uris import check_redirect_uri, origin_of


def backchannel_uri(name: str, value: Any) -> str:
    """https, no fragment (OpenID Connect Back-Channel Logout 1.0, 2.2): this server posts to it."""
    uri = _uri(name, value)
    if uri and urlsplit(uri).scheme != "https":
        raise InvalidClientMetadata(f"{name} must be an https URL.", reason=Reason.METADATA_LOGOUT_URI)
    return uri


def frontchannel_uri(name: str, value: Any) -> str:
    """https, or http on a loopback host; no fragment (OpenID Connect Front-Channel Logout 1.0, 2): browsers load it."""
    uri = _uri(name, value)
    if uri and urlsplit(uri).scheme not in {"https", "http"}:
        raise InvalidClientMetadata(f"{name} must be an https URL.", reason=Reason.METADATA_LOGOUT_URI)
    return uri


def shares_origin(uri: str, redirect_uris: Iterable[str]) -> bool:
    """Scheme, host and port of a front-channel URI have to be those of a redirect URI (Front-Channel Logout 2)."""
    return origin_of(uri) in map(origin_of, redirect_uris)


def with_session(uri: str, *, issuer: str, session_id: str) -> str:
    """What the browser loads: the registered URI with `iss` and `sid` and nothing else (Front-Channel Logout 2)."""
    joint = "" if uri.endswith(("?", "&")) else "&" if "?" in uri else "?"
    return f"{uri}{joint}{urlencode({'iss': issuer, 'sid': session_id}, quote_via=quote, safe='')}"


def _uri(name: str, value: Any) -> str:
    """Character for character as it came, by the rules for redirect URIs; empty stands for none."""
    if value == "":
        return ""
    try:
        return check_redirect_uri(value if isinstance(value, str) else "")
    except InvalidRedirectUri:
        raise InvalidClientMetadata(
            f"{name} must be an https URL without fragment.", reason=Reason.METADATA_LOGOUT_URI
        ) from None

"""Readers that validate the values of client metadata, one for each kind of member."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from libs.oauth.errors import InvalidClientMetadata, InvalidRedirectUri, InvalidScope
from libs.oauth.reasons import Reason
from libs.oauth.redirect_uris import check_redirect_uri
from libs.oauth.resources import MAX_LENGTH as MAX_RESOURCE_LENGTH
from libs.oauth.resources import is_resource
from libs.oauth.response_types import SUPPORTED_RESPONSE_TYPES, format_response_type, parse_response_type
from libs.oauth.scopes import parse_scope

MAX_ITEMS = 50
MAX_TEXT = 500
MAX_SECONDS = 0x7FFF_FFFF
MAX_KEYS = 10
MAX_KEY_SET_MEMBERS = 20
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
        raise InvalidClientMetadata(
            f"{name} must be a string of at most {MAX_TEXT} printable characters.", reason=Reason.METADATA_TYPE
        )
    return value.strip()


def items(name: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)) or len(value) > MAX_ITEMS:
        raise InvalidClientMetadata(
            f"{name} must be an array of at most {MAX_ITEMS} strings.", reason=Reason.METADATA_TYPE
        )
    return value


def texts(name: str, value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text(name, item) for item in items(name, value)))


def redirect_uris(name: str, value: Any) -> tuple[str, ...]:
    """Read redirect URIs unchanged: whitespace is not trimmed."""
    return tuple(dict.fromkeys(redirect_uri(item) for item in items(name, value)))


def redirect_uri(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidRedirectUri("redirect_uris must contain strings only.", reason=Reason.REDIRECT_URI_TYPE)
    return check_redirect_uri(value)


def one_of(*allowed: str) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        if value not in allowed:
            raise InvalidClientMetadata(f"{name} must be one of: {', '.join(allowed)}.", reason=Reason.METADATA_VALUE)
        return str(value)

    return read


def some_of(*allowed: str) -> Callable[[str, Any], tuple[str, ...]]:
    def read(name: str, value: Any) -> tuple[str, ...]:
        values = texts(name, value)
        if not set(values) <= set(allowed):
            raise InvalidClientMetadata(
                f"{name} contains an unsupported value. Supported: {', '.join(allowed)}.", reason=Reason.METADATA_VALUE
            )
        return values

    return read


def response_types(name: str, value: Any) -> tuple[str, ...]:
    types = [parse_response_type(text) for text in texts(name, value)]
    if not set(types) <= set(SUPPORTED_RESPONSE_TYPES):
        supported = ", ".join(format_response_type(kind) for kind in SUPPORTED_RESPONSE_TYPES)
        raise InvalidClientMetadata(
            f"{name} contains an unsupported value. Supported: {supported}.", reason=Reason.METADATA_VALUE
        )
    return tuple(dict.fromkeys(format_response_type(kind) for kind in types))


def web_page(name: str, value: Any) -> str:
    url = text(name, value)
    try:
        parts = urlsplit(url)
        plain = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc
    except ValueError:
        plain = False
    if not plain or any(c in url for c in " \"'<>\\"):
        raise InvalidClientMetadata(
            f"{name} must be an https URL without user information.", reason=Reason.METADATA_URL
        )
    return url


def scope(name: str, value: Any) -> str:
    try:
        return " ".join(parse_scope(text(name, value)))
    except InvalidScope:
        raise InvalidClientMetadata(
            f"{name} must be scope values separated by single spaces (RFC 6749 3.3).", reason=Reason.METADATA_SCOPE
        ) from None


def seconds(name: str, value: Any) -> int:
    """Accept 600.0 as well as 600: JSON has one type for numbers."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 <= value <= MAX_SECONDS or value != int(value):
        raise InvalidClientMetadata(
            f"{name} must be a whole number of seconds, 0 or more.", reason=Reason.METADATA_TYPE
        )
    return int(value)


def truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidClientMetadata(f"{name} must be true or false.", reason=Reason.METADATA_TYPE)
    return value


def fetched_url(name: str, value: Any) -> str:
    """Read an https URL that the server fetches; a fragment is allowed (OpenID Connect Core 6.2)."""
    return web_page(name, value)


def fetched_urls(name: str, value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fetched_url(name, item) for item in items(name, value)))


def resources(name: str, value: Any) -> tuple[str, ...]:
    """Read resources unchanged: whitespace is not trimmed."""
    uris = items(name, value)
    if not all(isinstance(uri, str) and is_resource(uri) for uri in uris):
        raise InvalidClientMetadata(
            f"{name} must contain absolute URIs without a fragment, of at most {MAX_RESOURCE_LENGTH} characters.",
            reason=Reason.METADATA_RESOURCES,
        )
    return tuple(dict.fromkeys(uris))


def key_set(name: str, value: Any) -> Mapping[str, Any]:
    """Read a set of public keys (RFC 7517 5). Members that are not a string or an array of strings are dropped.

    Does not check whether the keys are usable.
    """
    keys = value.get("keys") if isinstance(value, Mapping) else None
    if not isinstance(keys, (list, tuple)) or not 0 < len(keys) <= MAX_KEYS:
        raise InvalidClientMetadata(f"{name} must be a JWK set with 1 to {MAX_KEYS} keys.", reason=Reason.METADATA_JWKS)
    for key in keys:
        if not isinstance(key, Mapping) or len(key) > MAX_KEY_SET_MEMBERS or not isinstance(key.get("kty"), str):
            raise InvalidClientMetadata(
                f"{name} contains an entry that is not a JWK (RFC 7517 4).", reason=Reason.METADATA_JWKS
            )
        if not _PRIVATE_MEMBERS.isdisjoint(key):
            raise InvalidClientMetadata(
                f"{name} must contain public keys only, no private key members.", reason=Reason.METADATA_JWKS_PRIVATE
            )
    return {"keys": [{member: value for member, value in key.items() if _is_kept(value)} for key in keys]}


def _is_kept(value: Any) -> bool:
    """Other values are unknown members (RFC 7517 4) of unlimited size and depth."""
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))

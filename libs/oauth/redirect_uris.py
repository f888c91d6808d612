"""Redirect URIs: rules for registration, and comparison with the registered ones.

Comparison is by exact string match, without patterns. Only the port of a loopback redirect URI is free: a native app
chooses it at run time (RFC 8252 7.3, RFC 9700 2.1 and 4.1.3).
"""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from libs.oauth.errors import InvalidRedirectUri
from libs.oauth.reasons import Reason

MAX_LENGTH = 2_000
HIGHEST_PORT = 0xFFFF
_VISIBLE = frozenset(chr(code) for code in range(0x21, 0x7F)) - set('"\\<>^`{|}')
_HOST_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_")
_LOOPBACK_ADDRESSES = ("127.0.0.1", "[::1]")


def check_redirect_uri(uri: str) -> str:
    """Return the URI if it may be registered.

    Allowed: https; http for loopback hosts; private-use schemes with a dot in their name (RFC 8252 7.1). All other
    schemes, such as javascript and data, are refused in upper and lower case.

    Raises:
        InvalidRedirectUri: the description names the rule that the URI violates.
    """
    if not uri or len(uri) > MAX_LENGTH or not _VISIBLE.issuperset(uri):
        raise InvalidRedirectUri(
            f"A redirect URI must consist of 1 to {MAX_LENGTH} visible ASCII characters that are valid in URIs.",
            reason=Reason.REDIRECT_URI_CHARACTERS,
        )
    parts = _split(uri)
    scheme = parts.scheme
    if "#" in uri:
        raise InvalidRedirectUri("A redirect URI must not contain a fragment.", reason=Reason.REDIRECT_URI_FRAGMENT)
    if "@" in parts.netloc:
        raise InvalidRedirectUri(
            "A redirect URI must not contain user information.", reason=Reason.REDIRECT_URI_USERINFO
        )
    if scheme in {"https", "http"}:
        if not parts.hostname or not _is_host(parts.hostname, parts.netloc.lower()):
            raise InvalidRedirectUri(
                "The host of a redirect URI must be a DNS name or an IP address, with a valid port if any.",
                reason=Reason.REDIRECT_URI_HOST,
            )
        if scheme == "http" and not _is_loopback(parts.hostname):
            raise InvalidRedirectUri(
                "A redirect URI with scheme http must have a loopback host: use https.", reason=Reason.REDIRECT_URI_HTTP
            )
    elif "." not in scheme:
        raise InvalidRedirectUri(
            "A redirect URI must have scheme https or a private-use scheme such as com.example.app (RFC 8252 7.1).",
            reason=Reason.REDIRECT_URI_SCHEME,
        )
    return uri


def is_registered(uri: str, registered: Iterable[str], *, localhost: bool) -> bool:
    """Return whether the URI matches a registered one: exactly, or except for the port of a loopback address.

    Args:
        localhost: whether the port of `localhost` is free as well (RFC 8252 8.3: the name may resolve elsewhere).
    """
    registered = tuple(registered)
    if uri in registered:
        return True
    hosts = (*_LOOPBACK_ADDRESSES, "localhost") if localhost else _LOOPBACK_ADDRESSES
    without_port = _without_loopback_port(uri, hosts)
    return without_port is not None and without_port in {
        _without_loopback_port(candidate, hosts) for candidate in registered
    }


def origin_of(uri: str) -> str:
    """Return scheme://host[:port] for http and https, otherwise `scheme:`, as a form-action policy writes it."""
    parts = urlsplit(uri)
    return (
        f"{parts.scheme}://{parts.netloc}" if parts.netloc and parts.scheme in {"http", "https"} else f"{parts.scheme}:"
    )


def is_private(uri: str) -> bool:
    """Return whether another app on the device could receive it: loopback or private-use scheme (RFC 8252 8.6)."""
    return urlsplit(uri).scheme != "https"


def _split(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        raise InvalidRedirectUri(
            "A redirect URI is not a valid URI (RFC 3986).", reason=Reason.REDIRECT_URI_MALFORMED
        ) from None
    return parts


def _is_host(host: str, authority: str) -> bool:
    """Accept only hosts that all URL parsers read alike and that a Content-Security-Policy can contain."""
    written = f"[{host}]" if ":" in host else host
    port = authority.removeprefix(written)
    if port and (port == authority or not _is_port(port)):
        return False
    return _HOST_NAME.issuperset(host) or _is_ipv6(host)


def _is_port(text: str) -> bool:
    digits = text.removeprefix(":")
    return digits != text and digits.isascii() and digits.isdecimal() and int(digits) <= HIGHEST_PORT


def _is_ipv6(host: str) -> bool:
    try:
        return IPv6Address(host).scope_id is None
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _without_loopback_port(uri: str, hosts: Iterable[str]) -> tuple[str, str] | None:
    """Return host and path of an http URI on one of the hosts without its port; None for other URIs.

    Uses no URL parser: they disagree about unusual URIs.
    """
    authority, slash, path = uri.removeprefix("http://").partition("/")
    for host in hosts:
        port = authority.removeprefix(host)
        if uri.startswith(f"http://{host}") and (not port or _is_port(port)):
            return host, slash + path
    return None

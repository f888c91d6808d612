"""Strict parsing of URLs.

Accepts one notation only, so that this code, the resolver and the TLS library read the same host: no octal, decimal,
hexadecimal or shortened IPv4, no zone identifiers, no trailing dot, no percent-encoding in hosts, ASCII only. An
internationalized name must be in its `xn--` form (RFC 3986 3.2.2, RFC 5890 2.3.2.1).
"""

from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from libs.fetch.addresses import IPAddress
from libs.fetch.errors import FetchRefused, Reason

MAX_URL = 2048
HTTPS_PORT = 443
HTTP_PORT = 80
_MAX_NAME = 253
_MAX_LABEL = 63
_DIGITS = frozenset("0123456789")
_HEXADECIMAL = _DIGITS | frozenset("abcdef")
_LABEL = _DIGITS | frozenset("abcdefghijklmnopqrstuvwxyz-")
_URL = frozenset(chr(code) for code in range(0x21, 0x7F)) - set('"<>\\^`{|}')  # the characters of RFC 3986 2


@dataclass(frozen=True)
class Target:
    """The target of a request."""

    host: str
    """A name in lower case, or an address in canonical form (IPv6 without brackets)."""
    port: int
    path: str
    """Path and query, unchanged, without the fragment."""
    address: IPAddress | None
    """The address if the host is one."""
    plain: bool = False
    """True: http without TLS."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'' if self.plain else 's'}://{host}:{self.port}{self.path}"


def parse_target(url: str, *, plain_too: bool = False) -> Target:
    """Parse an https URL; with `plain_too` also an http URL.

    Raises:
        FetchRefused: URL_MALFORMED, SCHEME or USERINFO.
    """
    if len(url) > MAX_URL:
        raise FetchRefused(Reason.URL_MALFORMED, "too long")
    if not _URL.issuperset(url):
        raise FetchRefused(Reason.URL_MALFORMED, "has characters that are invalid in URLs")
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise FetchRefused(Reason.URL_MALFORMED, "is not absolute")
    plain = scheme.lower() == "http"
    if scheme.lower() != "https" and not (plain and plain_too):
        raise FetchRefused(Reason.SCHEME, "is not https")
    rest = rest.partition("#")[0]
    end = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    authority, path = rest[:end], rest[end:]
    if "@" in authority:
        raise FetchRefused(Reason.USERINFO, "has user information")
    host, port, address = parse_authority(authority)
    default = HTTP_PORT if plain else HTTPS_PORT
    path = path if path.startswith("/") else f"/{path}"
    return Target(host, default if port is None else port, path, address, plain)


def parse_authority(authority: str) -> tuple[str, int | None, IPAddress | None]:
    """Parse host[:port]; the address is None for a name.

    Raises:
        FetchRefused: URL_MALFORMED.
    """
    text = authority.lower()
    if text.startswith("["):
        literal, bracket, rest = text[1:].partition("]")
        if not bracket or rest[:1] not in {"", ":"}:
            raise FetchRefused(Reason.URL_MALFORMED, "has a malformed host")
        address: IPAddress | None = _ipv6(literal)
        return str(address), _port(rest[1:]) if rest else None, address
    host, colon, port = text.partition(":")
    address = _ipv4_or_name(host)
    return host, _port(port) if colon else None, address


def _port(text: str) -> int:
    if not text or len(text) > 5 or not _DIGITS.issuperset(text) or text.startswith("0") or int(text) > 0xFFFF:
        raise FetchRefused(Reason.URL_MALFORMED, "has a malformed port")
    return int(text)


def _ipv6(text: str) -> IPv6Address:
    if "%" in text:
        raise FetchRefused(Reason.URL_MALFORMED, "has a zone in its address")
    try:
        return IPv6Address(text)
    except AddressValueError:
        raise FetchRefused(Reason.URL_MALFORMED, "has a malformed IPv6 address") from None


def _ipv4_or_name(host: str) -> IPv4Address | None:
    labels = host.split(".")
    if len(host) > _MAX_NAME or not all(_is_label(label) for label in labels):
        raise FetchRefused(Reason.URL_MALFORMED, "has a malformed host name")
    if not _is_number(labels[-1]):
        return None
    try:
        return IPv4Address(host)
    except AddressValueError:  # 127.1, 0x7f.0.0.1, 0177.0.0.1, 2130706433: valid for inet_aton
        raise FetchRefused(Reason.URL_MALFORMED, "has an IPv4 address in another notation") from None


def _is_label(text: str) -> bool:
    return 0 < len(text) <= _MAX_LABEL and _LABEL.issuperset(text) and text[0] != "-" and text[-1] != "-"


def _is_number(label: str) -> bool:
    return _DIGITS.issuperset(label) or (label.startswith("0x") and _HEXADECIMAL.issuperset(label[2:]))

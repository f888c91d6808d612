"""Resource indicators: which protected resources a token is for (RFC 8707 2)."""

import re
from urllib.parse import urlsplit

from libs.oauth.errors import InvalidTarget
from libs.oauth.reasons import Reason

MAX_RESOURCES = 5
MAX_LENGTH = 300
_ABSOLUTE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")


def parse_resources(text: str) -> tuple[str, ...]:
    """The resources that a request names, each once. `text`: the parameter as `Parameters` keeps it, spaces between.

    Raises:
        InvalidTarget: one is no absolute URI without a fragment, or there are more than 5.
    """
    resources = tuple(dict.fromkeys(text.split(" "))) if text else ()
    if len(resources) > MAX_RESOURCES:
        raise InvalidTarget(
            f"At most {MAX_RESOURCES} resources can be asked for at once.", reason=Reason.RESOURCE_COUNT
        )
    if not all(map(is_resource, resources)):
        raise InvalidTarget(
            f"A resource must be an absolute URI without a fragment, of at most {MAX_LENGTH} characters.",
            reason=Reason.RESOURCE_MALFORMED,
        )
    return resources


def is_resource(uri: str) -> bool:
    """An absolute URI without a fragment (RFC 8707 2, RFC 3986 4.3), of a host that nobody can misread."""
    if len(uri) > MAX_LENGTH or not _ABSOLUTE_URI.fullmatch(uri):
        return False
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    if "@" in parts.netloc:  # https://bank.example@evil.example is evil's
        return False
    return bool(parts.hostname) or parts.scheme not in {"http", "https"}

"""Resource indicators: the protected resources that a token is for (RFC 8707 2)."""

import re
from urllib.parse import urlsplit

from libs.oauth.errors import InvalidTarget
from libs.oauth.reasons import Reason

MAX_RESOURCES = 5
MAX_LENGTH = 300
_ABSOLUTE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")


def parse_resources(text: str) -> tuple[str, ...]:
    """Return the resources of a request without duplicates.

    Args:
        text: the `resource` parameter as `Parameters` holds it: values separated by spaces.

    Raises:
        InvalidTarget: a value is not an absolute URI without a fragment, or there are more than 5.
    """
    resources = tuple(dict.fromkeys(text.split(" "))) if text else ()
    if len(resources) > MAX_RESOURCES:
        raise InvalidTarget(
            f"A request may contain at most {MAX_RESOURCES} resource parameters.", reason=Reason.RESOURCE_COUNT
        )
    if not all(map(is_resource, resources)):
        raise InvalidTarget(
            f"resource must be an absolute URI without a fragment, of at most {MAX_LENGTH} characters (RFC 8707 2).",
            reason=Reason.RESOURCE_MALFORMED,
        )
    return resources


def is_resource(uri: str) -> bool:
    """Return whether this is an absolute URI without a fragment (RFC 8707 2, RFC 3986 4.3) and without userinfo."""
    if len(uri) > MAX_LENGTH or not _ABSOLUTE_URI.fullmatch(uri):
        return False
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    if "@" in parts.netloc:  # the host of https://bank.example@evil.example is evil.example
        return False
    return bool(parts.hostname) or parts.scheme not in {"http", "https"}

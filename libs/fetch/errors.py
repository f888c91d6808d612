"""Why a fetch was refused: one exception, a closed set of reasons."""

from enum import StrEnum


class Reason(StrEnum):
    """What stood in the way, in the order in which a fetch meets it."""

    URL_MALFORMED = "URL_MALFORMED"
    SCHEME = "SCHEME"
    USERINFO = "USERINFO"
    PORT = "PORT"
    BUSY = "BUSY"
    """Too many fetches of our own; says nothing about the other side."""
    UNRESOLVED = "UNRESOLVED"
    ADDRESS_FORBIDDEN = "ADDRESS_FORBIDDEN"
    UNREACHABLE = "UNREACHABLE"
    TLS = "TLS"
    TIMEOUT = "TIMEOUT"
    PROTOCOL = "PROTOCOL"
    """The answer is not HTTP, or ends before its end."""
    REDIRECT = "REDIRECT"
    STATUS = "STATUS"
    CONTENT_TYPE = "CONTENT_TYPE"
    CONTENT_ENCODING = "CONTENT_ENCODING"
    TOO_LARGE = "TOO_LARGE"


class FetchRefused(Exception):
    """Nothing was fetched. Every failure of a fetch is one of these.

    Reason and detail are for logs and metrics. Whoever chose the URL is told no more than that the fetch failed:
    the difference between "refused", "timeout" and "forbidden" is a map of our network.

    Args:
        reason: one of the closed set.
        detail: a few words without any part of the URL or of the answer's body.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"fetch refused [{reason}] {detail}".rstrip())

"""The exception for failed fetches and its reasons."""

from enum import StrEnum


class Reason(StrEnum):
    """Cause of a failed fetch, in the order of the checks."""

    URL_MALFORMED = "URL_MALFORMED"
    SCHEME = "SCHEME"
    USERINFO = "USERINFO"
    PORT = "PORT"
    BUSY = "BUSY"
    """This process runs too many fetches; the target was not contacted."""
    UNRESOLVED = "UNRESOLVED"
    ADDRESS_FORBIDDEN = "ADDRESS_FORBIDDEN"
    UNREACHABLE = "UNREACHABLE"
    TLS = "TLS"
    TIMEOUT = "TIMEOUT"
    PROTOCOL = "PROTOCOL"
    """The response is not valid HTTP or is incomplete."""
    REDIRECT = "REDIRECT"
    STATUS = "STATUS"
    CONTENT_TYPE = "CONTENT_TYPE"
    CONTENT_ENCODING = "CONTENT_ENCODING"
    TOO_LARGE = "TOO_LARGE"


class FetchRefused(Exception):
    """The fetch failed. Every failure raises this exception.

    Reason and detail are for logs and metrics. The client that chose the URL must only learn that the fetch failed:
    the difference between "refused", "timeout" and "forbidden" would disclose the internal network.

    Args:
        reason: the cause.
        detail: a few words without any part of the URL or of the response body.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"fetch refused [{reason}] {detail}".rstrip())

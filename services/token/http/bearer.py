"""The Authorization header, and the bearer token in it (RFC 6750 2.1)."""

from aiohttp import web

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason


def authorization_header(request: web.Request) -> str | None:
    """Return the Authorization header. Raises InvalidRequest when there are several."""
    headers = request.headers.getall("Authorization", [])
    if len(headers) > 1:
        raise InvalidRequest("The request has more than one Authorization header.", reason=Reason.HEADER_REPEATED)
    return headers[0] if headers else None


def bearer_token(request: web.Request) -> str | None:
    """Return the bearer token of the Authorization header; None without one or with another scheme."""
    return _token(request, "bearer")


def dpop_token(request: web.Request) -> str | None:
    """Return the access token of the scheme DPoP (RFC 9449 7.1); None without one or with another scheme."""
    return _token(request, "dpop")


def _token(request: web.Request, wanted: str) -> str | None:
    scheme, _, token = (authorization_header(request) or "").partition(" ")
    return token.strip() or None if scheme.lower() == wanted else None

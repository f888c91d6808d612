"""A bearer token in the header where it belongs (RFC 6750 2.1)."""

from aiohttp import web

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason


def bearer_token(request: web.Request) -> str | None:
    """None without one, or with another scheme. Raises InvalidRequest for two Authorization headers."""
    headers = request.headers.getall("Authorization", [])
    if len(headers) > 1:
        raise InvalidRequest("The request has more than one Authorization header.", reason=Reason.HEADER_REPEATED)
    scheme, _, token = headers[0].partition(" ") if headers else ("", "", "")
    return token.strip() or None if scheme.lower() == "bearer" else None

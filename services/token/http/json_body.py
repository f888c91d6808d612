"""Reading JSON at the client edge: the right content type, a bounded body, each member once."""

from typing import Any

from aiohttp import web

from libs.crypto.strict import json_object
from libs.oauth.errors import InvalidClientMetadata
from libs.oauth.reasons import Reason

JSON = "application/json"


async def read_json(request: web.Request) -> dict[str, Any]:
    """The object that a registration request is (RFC 7591 3.1).

    Raises:
        InvalidClientMetadata: another content type, compressed, malformed, nested without end, or a member twice.
    """
    if request.content_type != JSON:
        raise InvalidClientMetadata(f"The Content-Type must be {JSON}.", reason=Reason.CONTENT_TYPE)
    if "Content-Encoding" in request.headers:  # a body that cannot be decompressed would be a server error
        raise InvalidClientMetadata(
            "The request body must not be compressed: Content-Encoding is not supported.",
            reason=Reason.CONTENT_ENCODING,
        )
    try:
        return json_object(await request.read())
    except ValueError:
        raise InvalidClientMetadata(
            "The request body must be a JSON object without repeated members.", reason=Reason.JSON
        ) from None

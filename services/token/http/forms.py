"""Reading a form at the client edge: the right content type, a bounded body, each parameter once."""

from aiohttp import web

from libs.oauth.errors import InvalidRequest
from libs.oauth.parameters import Parameters, parse_form
from libs.oauth.reasons import Reason

FORM = "application/x-www-form-urlencoded"
MAX_BODY_BYTES = 64 * 1024


async def read_form(request: web.Request) -> Parameters:
    """The parameters of a form POST (RFC 6749 3.2).

    Raises:
        InvalidRequest: another content type, compressed, malformed, or a parameter twice.
    """
    if request.content_type != FORM:
        raise InvalidRequest(f"The Content-Type must be {FORM}.", reason=Reason.CONTENT_TYPE)
    if (
        request.headers.get("Content-Encoding", "identity").lower() != "identity"
    ):  # a body that cannot be decompressed would be a server error
        raise InvalidRequest(
            "The request body must not be compressed: Content-Encoding is not supported.",
            reason=Reason.CONTENT_ENCODING,
        )
    return Parameters.once(parse_form(await request.read()))

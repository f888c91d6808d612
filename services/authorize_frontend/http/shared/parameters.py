"""Request parameters: in the order of the request, with duplicates, decoded once."""

from collections.abc import Iterable
from urllib.parse import parse_qsl

from aiohttp import web

from latchkey.token.v1.authorization_pb2 import Parameter
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason

FORM = "application/x-www-form-urlencoded"
MAX_BODY_BYTES = 64 * 1024
MAX_PARAMETERS = 200

Parameters = tuple[tuple[str, str], ...]


def parse(text: str) -> Parameters:
    """Returns the pairs of a query or form (RFC 6749 Appendix B).

    Raises:
        InvalidRequest: not UTF-8, a NUL character (PostgreSQL cannot store it), or too many pairs.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
        text.encode()
    except UnicodeError:
        raise _not_utf8() from None
    except ValueError:
        raise InvalidRequest(
            f"The request has more than {MAX_PARAMETERS} parameters.",
            reason=Reason.TOO_MANY_PARAMETERS,
            redirectable=False,
        ) from None
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise InvalidRequest(
            "A parameter contains a NUL character.", reason=Reason.NUL_IN_PARAMETER, redirectable=False
        )
    return tuple(pairs)


def of_query(request: web.Request) -> Parameters:
    """Returns the query parameters. Raises: InvalidRequest."""
    return parse(request.rel_url.raw_query_string)


async def of_form(request: web.Request) -> Parameters:
    """Returns the form parameters.

    Raises:
        HTTPUnsupportedMediaType: the content type is not that of a plain form, or the body is compressed.
        HTTPRequestEntityTooLarge: the body is larger than MAX_BODY_BYTES.
        InvalidRequest: see parse.
    """
    if request.content_type != FORM or request.headers.get("Content-Encoding", "identity") != "identity":
        raise web.HTTPUnsupportedMediaType
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise web.HTTPRequestEntityTooLarge(max_size=MAX_BODY_BYTES, actual_size=request.content_length or 0)
    body = await request.read()
    try:
        return parse(body.decode())
    except UnicodeDecodeError:
        raise _not_utf8() from None


def _not_utf8() -> InvalidRequest:
    return InvalidRequest("The parameters are not valid UTF-8.", reason=Reason.PARAMETERS_NOT_UTF8, redirectable=False)


def single_value(parameters: Parameters, name: str) -> str:
    """Returns the value of a parameter; empty if it is missing or repeated."""
    values = [value for candidate, value in parameters if candidate == name]
    return values[0] if len(values) == 1 else ""


def messages(parameters: Parameters) -> Iterable[Parameter]:
    """Converts the parameters to protobuf."""
    return [Parameter(name=name, value=value) for name, value in parameters]


def is_opaque(value: str) -> bool:
    """Returns whether the value has the form of a secret or id: base64url, at most 128 characters."""
    return 0 < len(value) <= 128 and value.isascii() and value.replace("-", "a").replace("_", "a").isalnum()

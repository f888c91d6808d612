"""Parameters as they arrived: in order, with duplicates, decoded once."""

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
    """The pairs of a query or of a form (RFC 6749 Appendix B).

    Raises:
        InvalidRequest: no UTF-8, a NUL (no parameter may have one, and PostgreSQL cannot store it), or too many pairs.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
        text.encode()
    except UnicodeError:
        raise _not_utf8() from None
    except ValueError:
        raise InvalidRequest("Too many parameters.", reason=Reason.TOO_MANY_PARAMETERS, redirectable=False) from None
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise InvalidRequest("A parameter contains NUL.", reason=Reason.NUL_IN_PARAMETER, redirectable=False)
    return tuple(pairs)


def of_query(request: web.Request) -> Parameters:
    """The query's parameters. Raises: InvalidRequest."""
    return parse(request.rel_url.raw_query_string)


async def of_form(request: web.Request) -> Parameters:
    """The form's parameters.

    Raises:
        HTTPUnsupportedMediaType: another content type than a plain form, or a compressed one.
        HTTPRequestEntityTooLarge: more than 64 KiB.
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
    return InvalidRequest("The parameters are not UTF-8.", reason=Reason.PARAMETERS_NOT_UTF8, redirectable=False)


def only(parameters: Parameters, name: str) -> str:
    """The value of a parameter of ours; empty when it is missing or there twice."""
    values = [value for candidate, value in parameters if candidate == name]
    return values[0] if len(values) == 1 else ""


def messages(parameters: Parameters) -> Iterable[Parameter]:
    """The same parameters in the contract's words."""
    return [Parameter(name=name, value=value) for name, value in parameters]


def is_opaque(value: str) -> bool:
    """Could this be one of our secrets or ids, base64url and not long? What could not is refused without a call."""
    return 0 < len(value) <= 128 and value.isascii() and value.replace("-", "a").replace("_", "a").isalnum()

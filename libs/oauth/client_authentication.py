"""Reading a client's credentials from a token request (RFC 6749 2.3.1). Whether they hold is judged elsewhere."""

import base64
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from libs.oauth.errors import InvalidClient, InvalidRequest
from libs.oauth.parameters import Parameters

BASIC = "client_secret_basic"
POST = "client_secret_post"
NONE = "none"
SUPPORTED_METHODS = (BASIC, POST, NONE)


@dataclass(frozen=True)
class Credentials:
    """What the request claims: nothing of it is verified."""

    client_id: str
    method: str
    secret: str = field(default="", repr=False)


def read_credentials(authorization: str | None, parameters: Parameters) -> Credentials:
    """The one way of authentication that the request uses.

    Raises:
        InvalidRequest: it uses two, or names two clients.
        InvalidClient: it uses none, or the header is malformed.
    """
    if authorization is not None:
        return _from_header(authorization, parameters)
    client_id = parameters.get("client_id")
    if client_id is None:
        raise InvalidClient("The request names no client.", reason="CLIENT_MISSING")
    secret = parameters.get("client_secret")
    if secret is None:
        return Credentials(client_id=client_id, method=NONE)
    if "client_assertion" in parameters:
        raise InvalidRequest("Use one way of client authentication, not two.", reason="CLIENT_AUTHENTICATED_TWICE")
    return Credentials(client_id=client_id, method=POST, secret=secret)


def _from_header(authorization: str, parameters: Parameters) -> Credentials:
    if "client_secret" in parameters or "client_assertion" in parameters:
        raise InvalidRequest("Use one way of client authentication, not two.", reason="CLIENT_AUTHENTICATED_TWICE")
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("The Authorization header must use Basic.", reason="CLIENT_AUTH_SCHEME")
    try:
        client_id, separator, secret = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
        client_id, secret = _form_decoded(client_id), _form_decoded(secret)
    except ValueError:  # not base64, or not UTF-8
        raise InvalidClient("The Authorization header is malformed.", reason="CLIENT_AUTH_MALFORMED") from None
    if not separator or not client_id or "\0" in client_id + secret:
        raise InvalidClient("The Authorization header is malformed.", reason="CLIENT_AUTH_MALFORMED")
    if parameters.get("client_id", client_id) != client_id:
        raise InvalidRequest("Header and body name different clients.", reason="CLIENT_ID_MISMATCH")
    return Credentials(client_id=client_id, method=BASIC, secret=secret)


def _form_decoded(text: str) -> str:
    """RFC 6749 2.3.1: both halves are form-encoded before they are joined."""
    return unquote_plus(text, errors="strict")

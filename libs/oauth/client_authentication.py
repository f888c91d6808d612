"""Reading client credentials from a request (RFC 6749 2.3.1, RFC 7523 2.2). Verification is elsewhere."""

import base64
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from libs.crypto import secret_jwt
from libs.crypto.errors import InvalidJwt
from libs.crypto.jwt import UnverifiedJwt
from libs.oauth.errors import InvalidClient, InvalidRequest
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason

BASIC = "client_secret_basic"
POST = "client_secret_post"
CLIENT_SECRET_JWT = "client_secret_jwt"
PRIVATE_KEY_JWT = "private_key_jwt"
NONE = "none"
SUPPORTED_METHODS = (BASIC, POST, CLIENT_SECRET_JWT, PRIVATE_KEY_JWT, NONE)
SECRET_METHODS = frozenset({BASIC, POST, CLIENT_SECRET_JWT})
"""Methods that use a client secret."""
ASSERTION_METHODS = frozenset({CLIENT_SECRET_JWT, PRIVATE_KEY_JWT})
"""Methods that use a client assertion (RFC 7523 2.2)."""
MALFORMED_HEADER = "The Authorization header is not valid Basic authentication with client_id and client_secret."
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True)
class Credentials:
    """Client credentials as the request contains them, not verified."""

    client_id: str
    method: str
    secret: str = field(default="", repr=False)
    assertion: UnverifiedJwt | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        # AuthenticateClient verifies an assertion if there is one: a missing one must not pass as nothing to verify.
        if (self.method in ASSERTION_METHODS) != (self.assertion is not None):
            raise ValueError(
                f"credentials of method {self.method} have an assertion if and only if the method needs it"
            )


def read_credentials(authorization: str | None, parameters: Parameters) -> Credentials:
    """Return the client credentials of the request.

    Raises:
        InvalidRequest: the request uses two authentication methods or names two clients.
        InvalidClient: the request names no client, or the credentials are malformed.
    """
    if authorization is not None:
        return _from_header(authorization, parameters)
    if "client_assertion" in parameters or "client_assertion_type" in parameters:
        return _from_assertion(parameters)
    client_id = parameters.get("client_id")
    if client_id is None:
        raise InvalidClient(
            "Client authentication is missing: send client_id or an Authorization header.", reason=Reason.CLIENT_MISSING
        )
    secret = parameters.get("client_secret")
    if secret is None:
        return Credentials(client_id=client_id, method=NONE)
    return Credentials(client_id=client_id, method=POST, secret=secret)


def _from_assertion(parameters: Parameters) -> Credentials:
    """RFC 7523 3: sub of the assertion identifies the client, so client_id is optional."""
    if "client_secret" in parameters:
        raise InvalidRequest(
            "The request must use one client authentication method, not two (RFC 6749 2.3).",
            reason=Reason.CLIENT_AUTHENTICATED_TWICE,
        )
    if parameters.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidClient(f"client_assertion_type must be {ASSERTION_TYPE}.", reason=Reason.CLIENT_ASSERTION_TYPE)
    try:
        assertion = UnverifiedJwt.parse(parameters.get("client_assertion", ""))
    except InvalidJwt as fault:
        raise InvalidClient(
            "client_assertion is not a signed JWT.", reason=Reason(f"CLIENT_ASSERTION_{fault.reason}")
        ) from None
    named = assertion.claims.get("sub")
    client_id = parameters.get("client_id", named)
    if not isinstance(client_id, str) or client_id != named:
        raise InvalidClient("sub of client_assertion does not match client_id.", reason=Reason.CLIENT_ASSERTION_SUBJECT)
    method = CLIENT_SECRET_JWT if assertion.header.get("alg") == secret_jwt.ALG else PRIVATE_KEY_JWT
    return Credentials(client_id=client_id, method=method, assertion=assertion)


def _from_header(authorization: str, parameters: Parameters) -> Credentials:
    if "client_secret" in parameters or "client_assertion" in parameters:
        raise InvalidRequest(
            "The request must use one client authentication method, not two (RFC 6749 2.3).",
            reason=Reason.CLIENT_AUTHENTICATED_TWICE,
        )
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("The Authorization header must use the Basic scheme.", reason=Reason.CLIENT_AUTH_SCHEME)
    try:
        client_id, separator, secret = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
        client_id, secret = _form_decoded(client_id), _form_decoded(secret)
    except ValueError:  # not base64, or not UTF-8
        raise InvalidClient(MALFORMED_HEADER, reason=Reason.CLIENT_AUTH_MALFORMED) from None
    if not separator or not client_id or "\0" in client_id + secret:
        raise InvalidClient(MALFORMED_HEADER, reason=Reason.CLIENT_AUTH_MALFORMED)
    if parameters.get("client_id", client_id) != client_id:
        raise InvalidRequest(
            "client_id in the body does not match the Authorization header.", reason=Reason.CLIENT_ID_MISMATCH
        )
    if not secret:  # RFC 6749 2.3.1: an empty secret may be omitted; many libraries send it for public clients
        return Credentials(client_id=client_id, method=NONE)
    return Credentials(client_id=client_id, method=BASIC, secret=secret)


def _form_decoded(text: str) -> str:
    """RFC 6749 2.3.1: client_id and client_secret are form-encoded before they are joined."""
    return unquote_plus(text, errors="strict")

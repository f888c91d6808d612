"""Reading what a client posts: credentials and parameters, alike at every endpoint (RFC 6749 2.3.1, 3.2)."""

from aiohttp import web

from libs.oauth.client_authentication import Credentials, read_credentials
from libs.oauth.errors import InvalidRequest
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason
from services.token.http.bearer import authorization_header
from services.token.http.forms import read_form

CLIENT_ID = web.RequestKey("client_id", str)
"""The unverified client_id of the request, for logs."""
MAX_LOGGED_LENGTH = 64
_PARAMETERS = frozenset(
    {
        *("client_id", "client_secret", "client_assertion", "client_assertion_type", "grant_type", "scope", "resource"),
        *("code", "code_verifier", "redirect_uri", "refresh_token", "device_code", "username", "password", "assertion"),
        *("token", "token_type_hint", "request", "request_uri", "response_type", "state"),
    }
)
"""Parameters that this edge reads. In a URL they would be in access logs; unknown parameters are ignored there."""


async def read_client_request(request: web.Request) -> tuple[Credentials, Parameters]:
    """Nothing of it is verified.

    Raises:
        InvalidRequest: parameters in the URL, a malformed form, a parameter or a header twice, two ways of
            authentication.
        InvalidClient: no client, or a malformed header.
    """
    parameters = await read_form(request)
    if misplaced := _PARAMETERS & request.query.keys():
        raise InvalidRequest(
            f"Parameters must be sent in the request body, not in the URL: {', '.join(sorted(misplaced))}.",
            reason=Reason.PARAMETERS_IN_URL,
        )
    request[CLIENT_ID] = parameters.get("client_id", "")[:MAX_LOGGED_LENGTH]
    credentials = read_credentials(authorization_header(request), parameters)
    request[CLIENT_ID] = credentials.client_id[:MAX_LOGGED_LENGTH]
    return credentials, parameters

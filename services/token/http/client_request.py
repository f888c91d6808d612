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


async def read_client_request(request: web.Request) -> tuple[Credentials, Parameters]:
    """Nothing of it is verified.

    Raises:
        InvalidRequest: parameters in the URL, a malformed form, a parameter or a header twice, two ways of
            authentication.
        InvalidClient: no client, or a malformed header.
    """
    if request.query_string:
        raise InvalidRequest("Parameters must be sent in the request body.", reason=Reason.PARAMETERS_IN_URL)
    parameters = await read_form(request)
    credentials = read_credentials(authorization_header(request), parameters)
    request[CLIENT_ID] = credentials.client_id[:MAX_LOGGED_LENGTH]
    return credentials, parameters

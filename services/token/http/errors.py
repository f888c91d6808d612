"""The client edge's one place where refusals become JSON (RFC 6749 5.2, RFC 6750 3)."""

import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from libs.oauth.errors import (
    InsufficientScope,
    InvalidClient,
    InvalidDpopProof,
    InvalidToken,
    OAuthError,
    ServerError,
    UseDpopNonce,
)
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs, trace
from libs.servicekit.base.metrics import OAUTH_ERRORS
from services.token.http.bearer import dpop_token
from services.token.http.client_request import CLIENT_ID
from services.token.http.dpop import DPOP_CHALLENGE

_log = logs.get(__name__)
_STATUS = {"invalid_token": 401, "insufficient_scope": 403, "temporarily_unavailable": 503, "server_error": 500}
_FROM_HTTP = {
    400: "The request is not valid HTTP.",
    404: "There is no endpoint at this path.",
    405: "This endpoint does not accept the HTTP method.",
    408: "The request body was not received in time.",
    413: "The request body is larger than 64 KiB.",
    414: "The request line is longer than 32 KiB.",
    431: "A request header is longer than 32 KiB.",
}
_STATUS_OF_REASON = {Reason.REGISTRATION_CLOSED: 403}
"""Where the standard says nothing and a client should not try again."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return the response of the handler; an error becomes JSON with the members of the standard, without details."""
    try:
        return await handler(request)
    except OAuthError as error:
        OAUTH_ERRORS.labels(endpoint_of(request), error.error, error.reason).inc()
        _log.info(
            "request.refused",
            message="OAuth request refused",
            client_id=request.get(CLIENT_ID, ""),
            path=request.path,
            error=error.error,
            reason=error.reason,
        )
        return _response(error, request)
    except web.HTTPException as error:
        return _http_error(error)
    except web.RequestPayloadError:  # its text quotes the body
        return _http_error(web.HTTPBadRequest())
    except Exception:  # noqa: BLE001 - logged here; nothing of it leaves but the trace id
        _log.exception(
            "request.failed",
            message="OAuth request failed with an unexpected error",
            client_id=request.get(CLIENT_ID, ""),
            path=request.path,
        )
        return _response(ServerError(f"Internal server error. Trace ID: {trace.current_id()}"), request)


def endpoint_of(request: web.Request) -> str:
    """The path as it is routed: there are few of these, whatever is in the URL."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unknown"


def _response(error: OAuthError, request: web.Request) -> web.Response:
    status = _STATUS_OF_REASON.get(error.reason) or _STATUS.get(error.error, 400)
    response = web.json_response({"error": error.error, "error_description": error.description}, status=status)
    if error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, InvalidClient) and "Authorization" in request.headers:
        response.set_status(401)
        response.headers["WWW-Authenticate"] = 'Basic realm="latchkey"'
    elif isinstance(error, (InvalidToken, InsufficientScope)) or _at_a_resource(error, request):
        _challenge(response, error, uses_dpop=dpop_token(request) is not None)
    if isinstance(error, UseDpopNonce):
        response.headers["DPoP-Nonce"] = error.nonce
    return response


def _at_a_resource(error: OAuthError, request: web.Request) -> bool:
    """Whether a proof is refused that came with an access token: then the response is 401 (RFC 9449 7.1, 9)."""
    return isinstance(error, (InvalidDpopProof, UseDpopNonce)) and dpop_token(request) is not None


def _challenge(response: web.Response, error: OAuthError, *, uses_dpop: bool) -> None:
    members = f'error="{error.error}", error_description="{error.description}"'
    response.headers["WWW-Authenticate"] = f"{DPOP_CHALLENGE}, {members}" if uses_dpop else f"Bearer {members}"
    if isinstance(error, (InvalidDpopProof, UseDpopNonce)):
        response.set_status(401)


def error_body(status: int) -> str:
    """The JSON of an error that HTTP defines and OAuth does not."""
    description = _FROM_HTTP.get(status, "The request cannot be processed.")
    return json.dumps({"error": "invalid_request", "error_description": description})


def _http_error(error: web.HTTPException) -> web.Response:
    response = web.Response(text=error_body(error.status), status=error.status, content_type="application/json")
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response

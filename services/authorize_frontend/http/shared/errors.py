"""The error page: it says what happened and what the user can do, and nothing about the cause inside the server."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from libs.oauth.errors import OAuthError
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs, trace
from libs.servicekit.base.metrics import HTTP_SECONDS, OAUTH_ERRORS
from libs.servicekit.http.edge_server import BareResponse, ErrorResponse
from services.authorize_frontend.http.shared.edge import RETRY, Edge
from services.authorize_frontend.http.shared.policy import StandardHeaders
from services.authorize_frontend.http.shared.recent_sign_in import redirect_to_sign_in

_log = logs.get(__name__)
RETRY_SECONDS: Final = 5
_MAX_CLIENT_ID: Final = 128

_STATUS: Final = {"access_denied": 403, "temporarily_unavailable": 503, "server_error": 500}
"""HTTP status of an OAuth error code; 400 for every other code."""
SITUATIONS: Final = {
    Reason.REQUEST_UNKNOWN: "gone",
    Reason.REQUEST_EXPIRED: "gone",
    Reason.REQUEST_COMPLETED: "gone",
    Reason.REQUEST_OF_ANOTHER_BROWSER: "gone",
    Reason.LINK_UNKNOWN: "link-over",
    Reason.CSRF_TOKEN: "stale",
    Reason.ATTEMPT_UNKNOWN: "stale",
    Reason.ENROLMENT_UNKNOWN: "stale",
    Reason.FOREIGN_ORIGIN: "stale",
    Reason.SESSION_MISSING: "stale",
}
"""Reason -> the heading and text of pages/error.html. For every other reason the page shows the error description.

REAUTHENTICATION_REQUIRED has no page: the middleware redirects to the sign-in page.
"""
_HTTP: Final = {
    404: ("not_found", "not-found"),
    405: ("method_not_allowed", "not-found"),
    408: ("request_timeout", "too-slow"),
    413: ("request_too_large", "too-large"),
    414: ("request_too_large", "too-large"),
    415: ("unsupported_media_type", "media-type"),
    431: ("request_too_large", "too-large"),
}


@dataclass(frozen=True)
class _Failure:
    status: int
    code: str
    """Value of `data-error`."""
    situation: str
    """Key of the heading and text in pages/error.html."""
    description: str = ""
    headers: tuple[tuple[str, str], ...] = ()


def malformed(edge: Edge) -> ErrorResponse:
    """Renders the page for a request that the HTTP server refuses before it reaches the application."""
    headers = StandardHeaders(edge.site)

    def render(status: HTTPStatus) -> web.Response:
        code, situation = _HTTP.get(status, ("invalid_request", "malformed"))
        page = _error_page(edge, _Failure(status.value, code, situation), retry="", at_logout=False)
        response = BareResponse(body=page.body, status=status.value, headers=page.headers)
        headers.add_to(response)
        return response

    return render


def errors(edge: Edge) -> Middleware:
    """The outermost middleware: begins the trace, measures the duration, and renders errors that are raised."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        trace.begin(request.headers.get(trace.HEADER) if edge.comes_from_proxy(request) else None)
        with HTTP_SECONDS.labels(route(request), request.method if request.method in _METHODS else "other").time():
            try:
                return await handler(request)
            except OAuthError as error:
                if error.reason == Reason.REAUTHENTICATION_REQUIRED:
                    return redirect_to_sign_in(edge, to=_own_page(edge, request))
                return _page(edge, request, _of_oauth_error(request, error))
            except web.HTTPException as error:
                return _page(edge, request, _of_http_error(error))
            except ConnectionResetError:
                # The browser closed the connection: no page can be sent.
                raise
            except web.RequestPayloadError:
                return _page(
                    edge, request, _Failure(400, "invalid_request", "refused", "The request body could not be read.")
                )
            except Exception:  # noqa: BLE001 - logged with its trace; the page shows only a reference
                _log.exception(
                    "frontend.request_failed",
                    message="Request failed: unexpected error",
                    route=route(request),
                    client_id=_client_id(request),
                )
                return _page(edge, request, _Failure(500, "server_error", "fault"))

    return middleware


_METHODS = {"GET", "HEAD", "POST", "OPTIONS"}


def route(request: web.Request) -> str:
    """Returns the path template that the request matched, which holds no user input."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


def _client_id(request: web.Request) -> str:
    """Returns the client_id parameter, unverified; empty if there is none or it is too long for a client id."""
    value = request.query.get("client_id", "")
    return value if len(value) <= _MAX_CLIENT_ID else ""


def _own_page(edge: Edge, request: web.Request) -> str:
    """Returns the page that the request was about: the handler's retry link, or the matched path."""
    page = request[RETRY] if RETRY in request else route(request)
    return urlsplit(page).path.removeprefix(edge.site.base)


def _of_oauth_error(request: web.Request, error: OAuthError) -> _Failure:
    OAUTH_ERRORS.labels(route(request), error.error, error.reason).inc()
    status = _STATUS.get(error.error, 400)
    log = _log.warning if status >= 500 else _log.info
    log(
        "frontend.request_refused",
        message="Request refused",
        route=route(request),
        error=error.error,
        reason=error.reason,
        client_id=_client_id(request),
    )
    if status == 503:
        wait = error.retry_after or RETRY_SECONDS
        return _Failure(503, error.error, "busy", headers=(("Retry-After", str(wait)),))
    if status == 500:
        return _Failure(500, error.error, "fault")
    return _Failure(status, error.error, SITUATIONS.get(error.reason, "refused"), error.description)


def _of_http_error(error: web.HTTPException) -> _Failure:
    code, situation = _HTTP.get(error.status, ("invalid_request", "refused"))
    allow = (("Allow", error.headers["Allow"]),) if "Allow" in error.headers else ()
    return _Failure(error.status, code, situation, headers=allow)


def _page(edge: Edge, request: web.Request, failure: _Failure) -> web.Response:
    return _error_page(edge, failure, retry=_retry(request), at_logout=route(request) == edge.site.path("/logout"))


def _error_page(edge: Edge, failure: _Failure, *, retry: str, at_logout: bool) -> web.Response:
    response = edge.pages.page(
        "error",
        status=failure.status,
        form_action=(),
        code=failure.code,
        situation=failure.situation,
        description=failure.description,
        retry=retry,
        at_logout=at_logout,
        trace_id=trace.current_id(),
    )
    response.headers.update(failure.headers)
    return response


def _retry(request: web.Request) -> str:
    """Returns a link that repeats the step: the handler's retry link, or the GET request at the matched path."""
    if RETRY in request:
        return request[RETRY]
    if request.method != "GET" or request.match_info.route.resource is None:
        return ""
    query = request.rel_url.raw_query_string
    return route(request) + (f"?{query}" if query else "")

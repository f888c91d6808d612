"""Everything that goes wrong, shown in one place: a page that says what happened and what to do, never how it broke."""

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
from services.authorize_frontend.http.account.sign_in import sign_in_again
from services.authorize_frontend.http.shared.edge import RETRY, Edge
from services.authorize_frontend.http.shared.policy import StandardHeaders

_log = logs.get(__name__)
RETRY_SECONDS: Final = 5

_STATUS: Final = {"access_denied": 403, "temporarily_unavailable": 503, "server_error": 500}
"""Of an OAuth error's page; every other code is 400."""
_SITUATIONS: Final = {
    Reason.REQUEST_UNKNOWN: "gone",
    Reason.REQUEST_EXPIRED: "gone",
    Reason.REQUEST_COMPLETED: "gone",
    Reason.REQUEST_OF_ANOTHER_BROWSER: "gone",
    Reason.LINK_UNKNOWN: "link-over",
    Reason.CSRF_TOKEN: "stale",
    Reason.ATTEMPT_UNKNOWN: "stale",
    Reason.ENROLMENT_UNKNOWN: "stale",
    Reason.FOREIGN_ORIGIN: "stale",
}
"""Reasons for which a page knows better words than the description."""
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
    """For `data-error`."""
    situation: str
    """Which words the page uses: see pages/error.html."""
    description: str = ""
    headers: tuple[tuple[str, str], ...] = ()


def malformed(edge: Edge) -> ErrorResponse:
    """Renders the page for a request that the server below the application refuses."""
    headers = StandardHeaders(edge.site)

    def render(status: HTTPStatus) -> web.Response:
        code, situation = _HTTP.get(status, ("invalid_request", "malformed"))
        page = _error_page(edge, _Failure(status.value, code, situation), retry="", at_logout=False)
        response = BareResponse(body=page.body, status=status.value, headers=page.headers)
        headers.add_to(response)
        return response

    return render


def errors(edge: Edge) -> Middleware:
    """The outermost middleware: begins the trace, times the request, and renders what is raised."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        trace.begin(request.headers.get(trace.HEADER) if edge.comes_from_proxy(request) else None)
        with HTTP_SECONDS.labels(route(request), request.method if request.method in _METHODS else "other").time():
            try:
                return await handler(request)
            except OAuthError as error:
                if error.reason == Reason.REAUTHENTICATION_REQUIRED:
                    return sign_in_again(edge, to=_own_page(edge, request))
                return _page(edge, request, _of_oauth_error(request, error))
            except web.HTTPException as error:
                return _page(edge, request, _of_http_error(error))
            except ConnectionResetError:
                # The browser has gone, in the middle of what it sent: there is nobody to show a page to.
                raise
            except web.RequestPayloadError:
                return _page(edge, request, _Failure(400, "invalid_request", "refused", "The request body is broken."))
            except Exception:  # noqa: BLE001 - logged with its trace, and no stranger sees more than a reference
                _log.exception("A request failed", route=route(request))
                return _page(edge, request, _Failure(500, "server_error", "fault"))

    return middleware


_METHODS = {"GET", "HEAD", "POST", "OPTIONS"}


def route(request: web.Request) -> str:
    """The path that a request matched: never what a stranger typed."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


def _own_page(edge: Edge, request: web.Request) -> str:
    """The page that the request was about: what the handler named, or its own."""
    page = request[RETRY] if RETRY in request else route(request)
    return urlsplit(page).path.removeprefix(edge.site.base)


def _of_oauth_error(request: web.Request, error: OAuthError) -> _Failure:
    OAUTH_ERRORS.labels(route(request), error.error, error.reason).inc()
    status = _STATUS.get(error.error, 400)
    log = _log.warning if status >= 500 else _log.info
    log("A request was refused", route=route(request), error=error.error, reason=error.reason)
    if status == 503:
        wait = error.retry_after or RETRY_SECONDS
        return _Failure(503, error.error, "busy", headers=(("Retry-After", str(wait)),))
    if status == 500:
        return _Failure(500, error.error, "fault")
    return _Failure(status, error.error, _SITUATIONS.get(error.reason, "refused"), error.description)


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
    """A link that repeats the step: what the handler named, or the GET itself at the path that it matched."""
    if RETRY in request:
        return request[RETRY]
    if request.method != "GET" or request.match_info.route.resource is None:
        return ""
    query = request.rel_url.raw_query_string
    return route(request) + (f"?{query}" if query else "")

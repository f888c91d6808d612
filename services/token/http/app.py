"""The HTTP edge for clients: token, PAR, device authorization, introspection, revocation, userinfo, registration."""

from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from time import perf_counter

from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import Histogram

from libs.servicekit.base import trace
from libs.servicekit.base.metrics import HTTP_SECONDS
from libs.servicekit.http.addresses import Networks
from libs.servicekit.http.edge_server import ERROR_RESPONSE, BareResponse, ErrorResponse
from services.token.http.device_authorization import device_authorization_handler
from services.token.http.errors import Handler, answer, endpoint_of, error_body
from services.token.http.forms import MAX_BODY_BYTES
from services.token.http.introspect import introspection_handler
from services.token.http.par import par_handler
from services.token.http.register import REGISTER, REGISTRATION, Registrations, registration_routes
from services.token.http.revoke import revocation_handler
from services.token.http.token import token_handler
from services.token.http.userinfo import userinfo_handler
from services.token.usecases.authorization.push_authorization_request import PushAuthorizationRequest
from services.token.usecases.authorization.start_device_authorization import StartDeviceAuthorization
from services.token.usecases.tokens.get_userinfo import GetUserinfo
from services.token.usecases.tokens.introspect_token import IntrospectToken
from services.token.usecases.tokens.issue_tokens import IssueTokens
from services.token.usecases.tokens.revoke_token import RevokeToken

CLIENT_ENDPOINTS = ("/token", "/par", "/device_authorization", "/introspect", "/revoke")
"""Paths that require client authentication."""
USERINFO = "/userinfo"
BROWSER_ENDPOINTS = frozenset({"/token", "/par", "/revoke", USERINFO, REGISTER, REGISTRATION})
"""Paths that applications in browsers call, from any origin. Introspection is for APIs, and a browser is no device."""
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": f"WWW-Authenticate, Retry-After, DPoP-Nonce, {trace.RESPONSE_HEADER}",
}
_PREFLIGHT = {
    **_CORS,
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
    "Access-Control-Allow-Headers": (
        "Authorization, Content-Type, DPoP, X-Requested-With, traceparent, tracestate, baggage"
    ),
    "Access-Control-Max-Age": "3600",
}


def assertion_audiences(issuer: str, edge_url: str) -> frozenset[str]:
    """The values of `aud` that a client assertion may have: the issuer or a client endpoint (RFC 7523 3)."""
    return frozenset({issuer, *(edge_url.rstrip("/") + path for path in CLIENT_ENDPOINTS)})


def userinfo_url(edge_url: str) -> str:
    """As discovery names it."""
    return _url(edge_url, USERINFO)


def _url(edge_url: str, path: str) -> str:
    return edge_url.rstrip("/") + path


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """The use case of each endpoint."""

    token: IssueTokens
    userinfo: GetUserinfo
    par: PushAuthorizationRequest
    device_authorization: StartDeviceAuthorization
    introspect: IntrospectToken
    revoke: RevokeToken
    registrations: Registrations


def build_edge(endpoints: Endpoints, *, edge_url: str, trusted_proxies: Networks = ()) -> web.Application:
    """`edge_url`: public base URL of this edge; with https, responses have a Strict-Transport-Security header."""
    app = web.Application(
        client_max_size=MAX_BODY_BYTES,
        middlewares=[_around(secure=edge_url.startswith("https:"))],
    )
    app[ERROR_RESPONSE] = _malformed_response(_fixed_headers(secure=edge_url.startswith("https:")))
    userinfo = userinfo_handler(endpoints.userinfo, url=userinfo_url(edge_url))
    app.add_routes(
        [
            web.post("/token", token_handler(endpoints.token, url=_url(edge_url, "/token"))),
            web.post(
                "/device_authorization",
                device_authorization_handler(endpoints.device_authorization, trusted_proxies=trusted_proxies),
            ),
            web.post("/revoke", revocation_handler(endpoints.revoke)),
            web.post("/introspect", introspection_handler(endpoints.introspect)),
            web.post("/par", par_handler(endpoints.par, url=_url(edge_url, "/par"), trusted_proxies=trusted_proxies)),
            web.get(USERINFO, userinfo),
            web.post(USERINFO, userinfo),
            *registration_routes(endpoints.registrations, edge_url=edge_url, trusted_proxies=trusted_proxies),
            *(web.options(path, _preflight) for path in BROWSER_ENDPOINTS),
        ]
    )
    return app


async def _preflight(_request: web.Request) -> web.Response:
    return web.Response(status=204, headers=_PREFLIGHT)


def _fixed_headers(*, secure: bool) -> dict[str, str]:
    """Headers of every response."""
    fixed = {
        "Cache-Control": "no-store",
        "Pragma": "no-cache",  # RFC 6749 5.1
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return {**fixed, "Strict-Transport-Security": "max-age=31536000"} if secure else fixed


def _malformed_response(headers: dict[str, str]) -> ErrorResponse:
    """Renders the response to a request that the server below the application refuses."""

    def render(status: HTTPStatus) -> web.Response:
        body = error_body(status)
        return BareResponse(text=body, status=status.value, content_type="application/json", headers=headers)

    return render


def _around(*, secure: bool) -> Middleware:
    """Trace, timing, JSON errors and headers for every request, in one middleware."""
    fixed = _fixed_headers(secure=secure)
    fixed_for_browsers = {**_CORS, **fixed}

    @web.middleware
    async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
        trace.begin(request.headers.get(trace.HEADER))
        began = perf_counter()
        response = await answer(request, handler)
        _timer(endpoint_of(request), request.method).observe(perf_counter() - began)
        headers = response.headers
        headers[trace.RESPONSE_HEADER] = trace.current_id()
        for name, value in (fixed_for_browsers if endpoint_of(request) in BROWSER_ENDPOINTS else fixed).items():
            headers.setdefault(name, value)
        return response

    return around


@cache
def _timer(endpoint: str, method: str) -> Histogram:
    """There are few of these: the library looks each up under a lock."""
    return HTTP_SECONDS.labels(endpoint, method)

"""The headers of every response, and the Content-Security-Policy of a page."""

from urllib.parse import urlsplit

from aiohttp import web

from libs.servicekit.base import trace
from libs.servicekit.base.settings import is_loopback
from libs.servicekit.http.edge_server import remove_server_header
from services.authorize_frontend.site import Site

CSP = "Content-Security-Policy"
FRAMABLE = "default-src 'none'; script-src 'self'; form-action 'none'; frame-ancestors http: https:; base-uri 'none'"
"""The policy of the session check frame."""
_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-:[]")
_SCHEME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+.-")
_YEAR_SECONDS = 365 * 24 * 3600


def content_security_policy(
    *,
    form_action: tuple[str, ...] = (),
    frames: tuple[str, ...] = (),
    script_nonce: str | None = None,
    scripts: bool = False,
) -> str:
    """Returns the policy of one page: own style sheets and images, and the additions of the arguments.

    Args:
        form_action: sources to which its forms may post, or be redirected after a post.
        frames: sources of its frames.
        script_nonce: nonce of its inline script.
        scripts: whether it loads a script file of this server.
    """
    targets = " ".join(form_action) or "'none'"
    directives = [
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        f"form-action {targets}",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
    if frames:
        directives.append(f"frame-src {' '.join(frames)}")
    if script_nonce:
        directives.append(f"script-src 'nonce-{script_nonce}'")
    elif scripts:
        directives.append("script-src 'self'")
    return "; ".join(directives)


def exact_source(url: str) -> tuple[str, ...]:
    """Returns the origin of a URL as a CSP source, as narrow as CSP can express it; empty for an invalid URL."""
    scheme, host_and_port = _origin(url)
    if scheme not in {"http", "https"}:
        return (f"{scheme}:",) if scheme else ()
    if host_and_port.startswith("["):
        # CSP has no notation for IPv6 addresses, and browsers ignore sources that they cannot parse.
        return (f"{scheme}:",)
    return (f"{scheme}://{host_and_port}",) if host_and_port else ()


def form_targets(request: web.Request, url: str) -> tuple[str, ...]:
    """Returns the CSP sources for a form after which the browser leaves for a client's URL.

    Chromium applies form-action to every redirect after a post, also to those of the client, which this server cannot
    know: a callback may redirect to the private scheme of a mobile app. So a browser that sends fetch metadata leaves
    by the page `continue`, where the chain of redirects ends, and its forms need no other source than 'self'. Private
    schemes get a redirect, because an app opens only in response to what the user did. See responses.leave.
    """
    return () if leaves_by_page(request, url) else redirect_sources(url)


def leaves_by_page(request: web.Request, url: str) -> bool:
    """Returns whether the browser gets a page in place of a redirect to this URL of a client, after a form."""
    return _origin(url)[0] in {"http", "https"} and request.headers.get("Sec-Fetch-Mode") == "navigate"


def redirect_sources(url: str) -> tuple[str, ...]:
    """Returns the CSP sources for a form whose response redirects to a client's URL.

    With the exact origin, Chromium silently blocks a callback that redirects to another host of the application. So a
    client on https may redirect to any https host, and one on a loopback host also to loopback hosts.
    """
    exact = exact_source(url)
    scheme, host_and_port = _origin(url)
    if scheme == "https":
        return (*exact, "https:")
    if scheme == "http" and is_loopback(urlsplit(f"//{host_and_port}").hostname or ""):
        return (*exact, "http://localhost:*", "http://127.0.0.1:*", "https:")
    return exact


def _origin(url: str) -> tuple[str, str]:
    """Returns scheme and host with port in lower case; empty strings if they cannot stand in a header."""
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), parts.netloc.lower()
    except ValueError:
        return "", ""
    if not scheme or not set(scheme) <= _SCHEME_CHARACTERS or not set(host) <= _HOST_CHARACTERS:
        return "", ""
    return scheme, host


class StandardHeaders:
    """Adds the standard headers that a response does not set itself: for `Application.on_response_prepare`."""

    def __init__(self, site: Site) -> None:
        self._headers = {
            CSP: "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
            "X-Frame-Options": "DENY",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        if site.secure:
            self._headers["Strict-Transport-Security"] = f"max-age={_YEAR_SECONDS}"

    async def __call__(self, request: web.Request, response: web.StreamResponse) -> None:
        self.add_to(response)
        if trace_id := trace.current_id():
            response.headers[trace.RESPONSE_HEADER] = trace_id
        await remove_server_header(request, response)

    def add_to(self, response: web.StreamResponse) -> None:
        """Adds each header that the response does not have."""
        for name, value in self._headers.items():
            response.headers.setdefault(name, value)
        if response.headers[CSP] == FRAMABLE:
            del response.headers["X-Frame-Options"]

"""The headers that every answer carries, and the Content-Security-Policy of a page."""

from urllib.parse import urlsplit

from aiohttp import web

from libs.servicekit.base.settings import is_loopback
from libs.servicekit.http.edge_server import remove_server_header
from services.authorize_frontend.site import Site

CSP = "Content-Security-Policy"
FRAMABLE = "default-src 'none'; script-src 'self'; form-action 'none'; frame-ancestors http: https:; base-uri 'none'"
"""Of the one page that clients load in frames of theirs."""
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
    """The policy of one page: nothing but our style sheet and mark, and what the arguments add.

    Args:
        form_action: sources that its forms may post to, or be redirected to after a post.
        frames: sources that it loads in frames.
        script_nonce: of its one inline script.
        scripts: it has a script file of ours.
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
    """The origin of a URL as a CSP source, nothing wider where CSP can say it; nothing for what is no URL."""
    scheme, host_and_port = _origin(url)
    if scheme not in {"http", "https"}:
        return (f"{scheme}:",) if scheme else ()
    if host_and_port.startswith("["):
        # CSP has no notation for IPv6 addresses, and browsers drop sources that they cannot read.
        return (f"{scheme}:",)
    return (f"{scheme}://{host_and_port}",) if host_and_port else ()


def redirect_sources(url: str) -> tuple[str, ...]:
    """Where the browser may end up after a form of ours has sent it to a client's URL.

    Chromium applies form-action to every redirect that follows a post, the client's own included: with the exact
    origin, a callback that goes on to another host of the application is blocked without a word (seen with 150).
    So a client on https may go on to https, and one on a loopback host to loopback hosts.
    """
    exact = exact_source(url)
    scheme, host_and_port = _origin(url)
    if scheme == "https":
        return (*exact, "https:")
    if scheme == "http" and is_loopback(urlsplit(f"//{host_and_port}").hostname or ""):
        return (*exact, "http://localhost:*", "http://127.0.0.1:*", "https:")
    return exact


def _origin(url: str) -> tuple[str, str]:
    """Scheme and host with port, lower case; empty strings for anything that could not stand in a header."""
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), parts.netloc.lower()
    except ValueError:
        return "", ""
    if not scheme or not set(scheme) <= _SCHEME_CHARACTERS or not set(host) <= _HOST_CHARACTERS:
        return "", ""
    return scheme, host


class StandardHeaders:
    """Adds to every answer what it does not say itself: for `Application.on_response_prepare`."""

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
        await remove_server_header(request, response)

    def add_to(self, response: web.StreamResponse) -> None:
        """Adds each header that the response does not have."""
        for name, value in self._headers.items():
            response.headers.setdefault(name, value)
        if response.headers[CSP] == FRAMABLE:
            del response.headers["X-Frame-Options"]

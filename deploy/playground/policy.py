"""Middleware and headers for all requests and responses."""

from collections.abc import Awaitable, Callable, Collection
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

_PROBES = frozenset({"/livez", "/readyz"})


def own_address_only(address: str) -> Middleware:
    """Redirect requests with another Host header (127.0.0.1 or an unknown name) to the playground's address.

    The redirect URIs and the cookie use that address only. This also prevents DNS rebinding by a page of another
    site.
    """
    host = urlsplit(address).netloc

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.host != host and request.path not in _PROBES:
            raise web.HTTPSeeOther(address + "/")
        return await handler(request)

    return check


def own_pages_only(address: str, *, but: Collection[str]) -> Middleware:
    """Refuse a POST that a page of another origin makes the browser send, `but` for paths that servers' forms go to.

    What comes there is judged by its `state`, which only this browser was given.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin", address)
        if request.method == "POST" and origin != address and request.path not in but:
            raise web.HTTPForbidden(text="Cross-origin POST refused: use the buttons on the playground's page.")
        return await handler(request)

    return check


def standard_headers(issuer: str) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Headers for every answer. Forms may lead to the issuer, because browsers hold redirects to form-action too."""
    parts = urlsplit(issuer)
    headers = {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        f"connect-src 'self'; form-action 'self' {parts.scheme}://{parts.netloc}; "
        "frame-ancestors 'none'; base-uri 'none'",
        "X-Content-Type-Options": "nosniff",
        # Not no-referrer: with it browsers hide the origin even from our own forms, and own_pages_only needs it.
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }

    async def add(_request: web.Request, response: web.StreamResponse) -> None:
        for name, value in headers.items():
            response.headers.setdefault(name, value)

    return add

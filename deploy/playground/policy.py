"""The rules that every request and answer keeps."""

from collections.abc import Awaitable, Callable, Collection
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

_PROBES = frozenset({"/livez", "/readyz"})


def own_address_only(address: str) -> Middleware:
    """Send whoever comes by another name (127.0.0.1, or a name that somebody else made up) to the playground's own.

    The redirect URIs and so the cookie belong to that one address; and a page of another site, whose name was bent
    to loopback, learns nothing here.
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
            raise web.HTTPForbidden(text="Only the playground's own page may press its buttons.")
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

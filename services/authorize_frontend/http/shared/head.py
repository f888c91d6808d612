"""HEAD (RFC 9110 9.3.2) for every page.

Link checkers, mail scanners and health checks send HEAD. The handlers of most pages change something: they store a
request, issue a code, or set a cookie. So HEAD gets the headers of a page, and the handler does not run.
"""

from collections.abc import Iterable

from aiohttp import web


def heads(routes: Iterable[web.RouteDef]) -> list[web.RouteDef]:
    """Returns a HEAD route for each GET route that has none (`allow_head=False`)."""
    return [web.head(route.path, _show) for route in routes if route.kwargs.get("allow_head") is False]


async def _show(_request: web.Request) -> web.Response:
    return web.Response(content_type="text/html", charset="utf-8")

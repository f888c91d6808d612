"""CORS: only scripts of the configured origins may read the stream."""

from collections.abc import Collection, Mapping

from aiohttp import web

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET",
    "Access-Control-Allow-Headers": "Authorization, Cache-Control, Last-Event-ID",
    "Access-Control-Max-Age": "3600",
}


class Cors:
    def __init__(self, origins: Collection[str]) -> None:
        self._origins = frozenset(origins)

    def headers(self, request: web.Request) -> Mapping[str, str]:
        """Return CORS headers. `Vary` is always set, so that caches keep the responses of different origins apart."""
        origin = request.headers.get("Origin", "")
        allowed = {"Access-Control-Allow-Origin": origin} if origin in self._origins else {}
        return {"Vary": "Origin", **allowed}

    async def preflight(self, request: web.Request) -> web.Response:
        headers = self.headers(request)
        return web.Response(status=204, headers={**headers, **(_PREFLIGHT if len(headers) > 1 else {})})

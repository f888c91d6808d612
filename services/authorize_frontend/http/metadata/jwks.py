"""The key set."""

from aiohttp import web

from services.authorize_frontend.http.metadata.documents import document, routes
from services.authorize_frontend.published_keys import FIRST_LOAD_SECONDS, PublishedKeys
from services.authorize_frontend.site import Site


class Jwks:
    def __init__(self, site: Site, keys: PublishedKeys) -> None:
        self._site = site
        self._keys = keys

    def routes(self) -> list[web.RouteDef]:
        return routes(self._site.path("/jwks"), self.show)

    async def show(self, request: web.Request) -> web.Response:
        """From memory alone, and for as long as key-rotation says (`max-age`).

        Before the first load, and with keys that are too old, 503: an empty or old set would be believed and cached.
        """
        body = self._keys.document
        if body is None:
            headers = {"Retry-After": str(round(FIRST_LOAD_SECONDS)), "Access-Control-Allow-Origin": "*"}
            return web.json_response({"error": "temporarily_unavailable"}, status=503, headers=headers)
        return document(request, body, max_age=self._keys.cacheable_for)

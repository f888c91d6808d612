"""The key set (RFC 7517 5)."""

from dataclasses import dataclass

from aiohttp import web

from services.authorize_frontend.http.metadata.documents import document, routes
from services.authorize_frontend.published_keys import FIRST_LOAD_SECONDS, PublishedKeys
from services.authorize_frontend.site import Site


@dataclass(frozen=True)
class Jwks:
    site: Site
    keys: PublishedKeys

    def routes(self) -> list[web.RouteDef]:
        return routes(self.site.path("/jwks"), self.show)

    async def show(self, request: web.Request) -> web.Response:
        """Responds from memory, with the `max-age` that key-rotation sets.

        503 before the first load and if the keys are too old: clients would trust and cache an empty or old set.
        """
        body = self.keys.document
        if body is None:
            headers = {"Retry-After": str(round(FIRST_LOAD_SECONDS)), "Access-Control-Allow-Origin": "*"}
            return web.json_response({"error": "temporarily_unavailable"}, status=503, headers=headers)
        return document(request, body, max_age=self.keys.cacheable_for)

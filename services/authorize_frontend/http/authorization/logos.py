"""Logos of clients, from our own origin: nobody else learns who is about to sign in where."""

import re

from aiohttp import web

from latchkey.token.v1.authorization_pb2 import GetClientLogoRequest
from services.authorize_frontend.http.shared.edge import Edge
from services.authorize_frontend.http.shared.policy import CSP

_CLIENT_ID = re.compile(r"[A-Za-z0-9_.~-]{1,128}")
_MAX_AGE = 600


class Logos:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        return [web.get(self._edge.site.path("/logo/{client_id}"), self.show)]

    async def show(self, request: web.Request) -> web.Response:
        """The image, or 404. It can do nothing but be looked at."""
        client_id = request.match_info["client_id"]
        if not _CLIENT_ID.fullmatch(client_id):
            raise web.HTTPNotFound
        logo = await self._edge.backends.authorization.GetClientLogo(GetClientLogoRequest(client_id=client_id))
        if not logo.content:
            raise web.HTTPNotFound
        headers = {
            "Cache-Control": f"public, max-age={_MAX_AGE}",
            "Cross-Origin-Resource-Policy": "same-origin",
            CSP: "default-src 'none'; sandbox",
        }
        return web.Response(body=logo.content, content_type=logo.content_type, headers=headers)

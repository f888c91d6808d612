"""Logos of clients, served from this origin: the host of the logo does not learn about sign-ins."""

import re
from dataclasses import dataclass

from aiohttp import web

from latchkey.token.v1.authorization_pb2 import GetClientLogoRequest
from services.authorize_frontend.http.shared.edge import Edge
from services.authorize_frontend.http.shared.policy import CSP

_CLIENT_ID = re.compile(r"[A-Za-z0-9_.~-]{1,128}")
_MAX_AGE = 600


@dataclass(frozen=True, kw_only=True)
class Logos:
    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        return [web.get(self.edge.site.path("/logo/{client_id}"), self.show)]

    async def show(self, request: web.Request) -> web.Response:
        """Responds with the image, under a policy that blocks scripts in it; 404 if there is none."""
        client_id = request.match_info["client_id"]
        if not _CLIENT_ID.fullmatch(client_id):
            raise web.HTTPNotFound
        logo = await self.edge.backends.authorization.GetClientLogo(GetClientLogoRequest(client_id=client_id))
        if not logo.content:
            raise web.HTTPNotFound
        headers = {
            "Cache-Control": f"public, max-age={_MAX_AGE}",
            "Cross-Origin-Resource-Policy": "same-origin",
            CSP: "default-src 'none'; sandbox",
        }
        return web.Response(body=logo.content, content_type=logo.content_type, headers=headers)

"""The page at the issuer's path: it says which user is signed in."""

from dataclasses import dataclass

from aiohttp import web

from services.authorize_frontend.http.shared.edge import Edge


@dataclass(frozen=True, kw_only=True)
class Home:
    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        return [web.get(self.edge.site.path("/"), self.show)]

    async def show(self, request: web.Request) -> web.Response:
        session = await self.edge.session(request)
        name = (session.display_name or session.username) if session.HasField("session") else ""
        return self.edge.pages.page("home", display_name=name, username=session.username)

"""The front door: says what this is, and who is signed in."""

from aiohttp import web

from services.authorize_frontend.http.shared.edge import Edge


class Home:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        return [web.get(self._edge.site.path("/"), self.show)]

    async def show(self, request: web.Request) -> web.Response:
        session = await self._edge.session(request)
        person = (session.display_name or session.username) if session.HasField("session") else ""
        return self._edge.pages.page("home", person=person, username=session.username)

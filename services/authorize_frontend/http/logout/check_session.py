"""The page that clients load in a frame, to ask it whether the session has changed (Session Management 1.0, 3.2).

The only page of ours that may be framed: it shows nothing, takes nothing, and answers with one word.
"""

from aiohttp import web

from services.authorize_frontend.http.shared.edge import Edge
from services.authorize_frontend.http.shared.policy import CSP, FRAMABLE


class CheckSession:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        return [web.get(self._edge.site.path("/check-session"), self.show)]

    async def show(self, _request: web.Request) -> web.Response:
        response = self._edge.pages.page("check_session", cookie_name=self._edge.cookies.state_name)
        response.headers[CSP] = FRAMABLE
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response

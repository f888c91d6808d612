"""The session check frame (OpenID Connect Session Management 1.0, 3.2).

It is the only page that other sites may load in a frame. It has no content, and responds to messages with one word.
"""

from dataclasses import dataclass

from aiohttp import web

from services.authorize_frontend.http.shared.edge import Edge
from services.authorize_frontend.http.shared.policy import CSP, FRAMABLE


@dataclass(frozen=True, kw_only=True)
class CheckSession:
    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        return [web.get(self.edge.site.path("/check-session"), self.show)]

    async def show(self, _request: web.Request) -> web.Response:
        response = self.edge.pages.page("check_session", cookie_name=self.edge.cookies.state_name)
        response.headers[CSP] = FRAMABLE
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response

"""HTTP handlers of the page, its buttons and the callbacks."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from aiohttp import web

from deploy.playground.config import Playground
from deploy.playground.flows import stray
from deploy.playground.flows.flow import Button, Flow, ResponseMode, Visit
from deploy.playground.pages import Pages
from deploy.playground.sessions import COOKIE, Session, Sessions
from deploy.playground.transcript import RunFailedError


class FlowViews:
    """The page, its buttons, and the addresses where the browser comes back."""

    def __init__(
        self,
        playground: Playground,
        flows: Sequence[Flow],
        sessions: Sessions,
        pages: Pages,
        now: Callable[[], datetime],
    ) -> None:
        self._playground = playground
        self._flows = {flow.name: flow for flow in flows}
        self._sessions = sessions
        self._pages = pages
        self._now = now

    @property
    def returns(self) -> Mapping[str, ResponseMode]:
        """The callback paths of all flows, with their response modes."""
        return {path: mode for flow in self._flows.values() for path, mode in flow.returns(self._playground).items()}

    def routes(self) -> list[web.RouteDef]:
        """The page, its buttons, and the ways back."""
        back = [route for path, mode in self.returns.items() if path != "/" for route in self._way_back(path, mode)]
        return [web.get("/", self.home), web.post("/flows/{flow}/{button}", self.press), *back]

    def _way_back(self, path: str, mode: ResponseMode) -> list[web.RouteDef]:
        match mode:
            case ResponseMode.QUERY:
                return [web.get(path, self.come_back)]
            case ResponseMode.FORM_POST:
                return [web.post(path, self.come_back)]
            case ResponseMode.FRAGMENT:
                return [web.get(path, self.read_fragment), web.post(path, self.come_back)]

    async def home(self, request: web.Request) -> web.Response:
        """The page; or an answer, where an application comes back to the page's own address."""
        if "state" in request.query and "/" in self.returns:
            return await self.come_back(request)
        session = self._session_of(request)
        await self._go_on(session)
        return _with_cookie(self._pages.home(session, now=self._now(), wanted=request.query.get("run")), session)

    async def _go_on(self, session: Session) -> None:
        """Poll for every run whose interval is over."""
        now = self._now()
        for flow, waiting in list(session.waiting.items()):
            if now < waiting.due:
                continue
            del session.waiting[flow]  # so that two pages of one browser do not ask twice
            following = None
            with suppress(RunFailedError):  # the run records the error, and the page shows it
                following = await waiting.again(now)
            if following:
                session.waiting.setdefault(flow, replace(waiting, due=following))

    async def press(self, request: web.Request) -> web.Response:
        """Run the flow of a button."""
        flow, button = self._button(request)
        session = self._session_of(request)
        visit = Visit(self._playground, session, flow.name, self._now())
        destination = None
        with suppress(RunFailedError):  # the run records the error, and the page shows it
            destination = await button.press(visit)
        return _with_cookie(_see_other(destination or f"/#{flow.name}"), session)

    async def read_fragment(self, _request: web.Request) -> web.Response:
        """A page whose script posts the URL fragment, which browsers do not send."""
        return self._pages.page("fragment.html")

    async def come_back(self, request: web.Request) -> web.Response:
        """Pass a response to its pending run."""
        session = self._session_of(request)
        sent = await request.post() if request.method == "POST" else request.query
        answer = {name: str(value) for name, value in sent.items()}
        pending = session.take(answer.get("state", ""))
        flow = pending.run.flow if pending else self._flow_at(request.path)
        with suppress(RunFailedError):  # the run records the error, and the page shows it
            if pending:
                await pending.resume(answer)
            else:
                visit = Visit(self._playground, session, flow, self._now())
                stray.refuse(visit, f"{self._playground.address}{request.path}", answer, method=request.method)
        self._sessions.renew(session)
        return _with_cookie(_see_other(f"/#{flow}"), session)

    def _button(self, request: web.Request) -> tuple[Flow, Button]:
        flow = self._flows.get(request.match_info["flow"])
        for button in flow.buttons if flow else ():
            if flow and button.name == request.match_info["button"]:
                return flow, button
        raise web.HTTPNotFound

    def _flow_at(self, path: str) -> str:
        return next(flow.name for flow in self._flows.values() if path in flow.returns(self._playground))

    def _session_of(self, request: web.Request) -> Session:
        return self._sessions.find(request.cookies.get(COOKIE)) or self._sessions.create()


def _see_other(address: str) -> web.Response:
    return web.Response(status=303, headers={"Location": address})


def _with_cookie(response: web.Response, session: Session) -> web.Response:
    response.set_cookie(COOKIE, session.id, httponly=True, samesite="Lax", path="/")
    return response

"""Signing in to one's own page. Nobody sent the person here, and it leads to that page and nowhere else."""

from aiohttp import web

from services.authorize_frontend.http.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.parameters import of_form, only
from services.authorize_frontend.http.passwords import Tried, try_password

_PURPOSE = "account-sign-in"


class AccountSignIn:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path("/account/sign-in")
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        return self._page(request, Tried(""))

    async def submit(self, request: web.Request) -> web.Response:
        form = await of_form(request)
        request[RETRY] = self._edge.site.path("/account/sign-in")
        self._edge.prove(request, form, purpose=_PURPOSE, subject="")
        if only(form, "choice") == "cancel":
            return see_other(self._edge.site.path("/"))
        tried = await try_password(self._edge, request, form, context=self._edge.context(request))
        if tried.problem:
            return self._page(request, tried)
        response = see_other(self._edge.site.path("/account"))
        self._edge.cookies.set_session(response, tried.session_secret)
        return response

    def _page(self, request: web.Request, tried: Tried) -> web.Response:
        browser_secret = self._edge.cookies.browser_or_new(request)
        response = self._edge.pages.page(
            "sign_in",
            form_action=("'self'",),
            client=None,
            to="account",
            action=self._edge.site.path("/account/sign-in"),
            hidden={
                "csrf": self._edge.form_token(request, purpose=_PURPOSE, subject="", browser_secret=browser_secret)
            },
            tried=tried,
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response

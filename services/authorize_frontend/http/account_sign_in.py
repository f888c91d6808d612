"""Signing in to one's own pages. Nobody sent the person here, and it leads to those pages and nowhere else."""

import re

from aiohttp import web

from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from services.authorize_frontend.http.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.parameters import of_form, of_query, only
from services.authorize_frontend.http.passwords import Tried, try_password

_PURPOSE = "account-sign-in"
_PATH = "/account/sign-in"
_HOME = "/account"
_PAGE = re.compile(r"/account(/[a-z][a-z-]{0,40}){0,3}")
"""Pages that a sign-in may lead to: ours, without a query, so that no link makes a sign-in end elsewhere."""


def sign_in_again(edge: Edge, *, to: str = _HOME) -> web.Response:
    """To the sign-in page, and from there to `to`, a path of ours without the issuer's."""
    page = _page_of(to)
    return see_other(edge.site.path(_PATH, **({"to": page} if page != _HOME else {})))


async def recent_session(edge: Edge, request: web.Request) -> GetSessionResponse | None:
    """The session, if its sign-in is recent enough for what an account hangs on; else `sign_in_again` comes first.

    The authentication service judges that, here and again when something is to be changed.
    """
    session = await edge.session(request)
    return session if session.HasField("session") and session.signed_in_recently else None


def _page_of(to: str) -> str:
    """A page of the account; what is none is the first one. Signing in leads to itself from nowhere."""
    return to if _PAGE.fullmatch(to) and to != _PATH else _HOME


class AccountSignIn:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path(_PATH)
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        session = await self._edge.session(request)
        return self._page(request, _page_of(only(of_query(request), "to")), Tried(session.username))

    async def submit(self, request: web.Request) -> web.Response:
        form = await of_form(request)
        to = _page_of(only(form, "to"))
        request[RETRY] = self._edge.site.path(_PATH, to=to)
        self._edge.prove(request, form, purpose=_PURPOSE, subject=to)
        if only(form, "choice") == "cancel":
            return see_other(self._edge.site.path("/"))
        tried = await try_password(self._edge, request, form, context=self._edge.context(request))
        if tried.problem:
            return self._page(request, to, tried)
        response = see_other(self._edge.site.path(to))
        self._edge.cookies.set_session(response, tried.session_secret)
        return response

    def _page(self, request: web.Request, to: str, tried: Tried) -> web.Response:
        browser_secret = self._edge.cookies.browser_or_new(request)
        token = self._edge.form_token(request, purpose=_PURPOSE, subject=to, browser_secret=browser_secret)
        response = self._edge.pages.page(
            "sign_in",
            form_action=("'self'",),
            client=None,
            to="account",
            action=self._edge.site.path(_PATH),
            hidden={"to": to, "csrf": token},
            tried=tried,
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response

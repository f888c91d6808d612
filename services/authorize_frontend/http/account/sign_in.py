"""Signing in to one's own pages. Nobody sent the person here, and it leads to those pages and nowhere else."""

from aiohttp import web

from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import of_form, of_query, only
from services.authorize_frontend.http.shared.return_target import ACCOUNT, ACCOUNT_SIGN_IN, Onward, account_page
from services.authorize_frontend.http.sign_in.passkeys import passkey_offer
from services.authorize_frontend.http.sign_in.passwords import Tried, arrived, try_password
from services.authorize_frontend.http.sign_in.second_step import go_on

_PURPOSE = "account-sign-in"


def sign_in_again(edge: Edge, *, to: str = ACCOUNT) -> web.Response:
    """To the sign-in page, and from there to `to`, a path of ours without the issuer's."""
    page = account_page(to)
    return see_other(edge.site.path(ACCOUNT_SIGN_IN, **({"to": page} if page != ACCOUNT else {})))


async def recent_session(edge: Edge, request: web.Request) -> GetSessionResponse | None:
    """The session, if its sign-in is recent enough for what an account hangs on; else `sign_in_again` comes first.

    The authentication service judges that, here and again when something is to be changed.
    """
    session = await edge.session(request)
    return session if session.HasField("session") and session.signed_in_recently else None


class AccountSignIn:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path(ACCOUNT_SIGN_IN)
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        session = await self._edge.session(request)
        return await self._page(
            request, account_page(only(of_query(request), "to")), arrived(request, session.username)
        )

    async def submit(self, request: web.Request) -> web.Response:
        form = await of_form(request)
        to = account_page(only(form, "to"))
        request[RETRY] = self._edge.site.path(ACCOUNT_SIGN_IN, to=to)
        self._edge.prove(request, form, purpose=_PURPOSE, subject=to)
        if only(form, "choice") == "cancel":
            return see_other(self._edge.site.path("/"))
        tried = await try_password(self._edge, request, form, context=self._edge.context(request))
        if tried.problem:
            return await self._page(request, to, tried)
        return go_on(self._edge, tried, Onward("to", to))

    async def _page(self, request: web.Request, to: str, tried: Tried) -> web.Response:
        browser_secret = self._edge.cookies.browser_or_new(request)
        token = self._edge.form_token(request, purpose=_PURPOSE, subject=to, browser_secret=browser_secret)
        passkey = await passkey_offer(self._edge, request, Onward("to", to), browser_secret=browser_secret)
        response = self._edge.pages.page(
            "sign_in",
            scripts=passkey is not None,
            passkey=passkey,
            form_action=("'self'",),
            client=None,
            to="account",
            action=self._edge.site.path(ACCOUNT_SIGN_IN),
            hidden={"to": to, "csrf": token},
            tried=tried,
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response

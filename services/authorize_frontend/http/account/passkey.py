"""Adding a passkey."""

from aiohttp import web

from latchkey.authentication.v1.factors_pb2 import AddPasskeyRequest, StartPasskeyRequest
from libs.languages.speaking import mark, say
from libs.oauth.errors import AccessDenied, InvalidRequest
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.account.factor_pages import PASSKEY, Errand, after_adding, recent_session
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import Parameters, of_form, of_query, only
from services.authorize_frontend.http.sign_in.passkeys import PasskeyForm

_PURPOSE = "account-passkey"
_PROBLEMS = {
    Reason.WRONG_PROOF: mark("Your passkey could not be added. Please try again."),
    Reason.PASSKEY_TAKEN: mark("This passkey is already registered."),
    Reason.FACTOR_NAME: mark("Please enter a shorter name."),
    Reason.FACTORS_TOO_MANY: mark("You have reached the limit. Remove one first."),
}


class AccountPasskey:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path(PASSKEY)
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request, Errand.of(of_query(request)), "")

    async def submit(self, request: web.Request) -> web.Response:
        """What the browser has made; from then on it counts."""
        form = await of_form(request)
        errand = Errand.of(form)
        request[RETRY] = self._edge.site.path(PASSKEY, **errand.parameters)
        self._edge.prove(request, form, purpose=_PURPOSE, subject=errand.request_id)
        if only(form, "choice") == "cancel":
            return see_other(errand.given_up(self._edge))
        problem, session_secret = await self._add(request, form)
        if problem:
            return await self._page(request, errand, problem)
        return await after_adding(self._edge, errand, session_secret)

    async def _add(self, request: web.Request, form: Parameters) -> tuple[str, str]:
        """What is wrong, in words, or the session's new secret."""
        message = AddPasskeyRequest(
            session_secret=self._edge.cookies.session(request) or "",
            passkey=only(form, "credential"),
            name=only(form, "name"),
            context=self._edge.context(request),
        )
        try:
            added = await self._edge.backends.factors.AddPasskey(message)
        except (AccessDenied, InvalidRequest) as error:
            if error.reason not in _PROBLEMS:
                raise
            return say(_PROBLEMS[error.reason]), ""
        return "", added.session_secret

    async def _page(self, request: web.Request, errand: Errand, problem: str) -> web.Response:
        session = await recent_session(self._edge, request)
        if session is None:
            return errand.sign_in_first(self._edge, PASSKEY)
        started = await self._edge.backends.factors.StartPasskey(
            StartPasskeyRequest(session_secret=self._edge.cookies.session(request) or "")
        )
        if not started.options:
            return see_other(errand.given_up(self._edge))
        browser_secret = self._edge.cookies.browser_or_new(request)
        token = self._edge.form_token(
            request, purpose=_PURPOSE, subject=errand.request_id, browser_secret=browser_secret
        )
        response = self._edge.pages.page(
            "account_passkey",
            form_action=("'self'",),
            scripts=True,
            person=session.display_name or session.username,
            username=session.username,
            problem=problem,
            passkey=PasskeyForm(self._edge.site.path(PASSKEY), started.options, {**errand.parameters, "csrf": token}),
            back=errand.given_up(self._edge),
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response

"""Setting up an authenticator app: a QR code, and the first code of the app."""

import segno
from aiohttp import web
from markupsafe import Markup

from latchkey.authentication.v1.factors_pb2 import ConfirmTotpRequest, StartTotpRequest
from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from libs.crypto.one_time_passwords import as_base32, provisioning_uri
from libs.languages.speaking import mark, say
from libs.oauth.errors import AccessDenied, InvalidRequest
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.account.factor_pages import AUTHENTICATOR, Errand, after_adding, recent_session
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import Parameters, of_form, of_query, only

_PURPOSE = "account-authenticator"
_GROUP = 4
_PROBLEMS = {
    Reason.WRONG_PROOF: mark("Incorrect code. Check the time on your device and enter the next code."),
    Reason.FACTORS_TOO_MANY: mark("You have reached the limit. Remove one first."),
}


class AccountAuthenticator:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path(AUTHENTICATOR)
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request, Errand.of(of_query(request)), "")

    async def submit(self, request: web.Request) -> web.Response:
        """The first code of the app; from then on it counts."""
        form = await of_form(request)
        errand = Errand.of(form)
        request[RETRY] = self._edge.site.path(AUTHENTICATOR, **errand.parameters)
        self._edge.prove(request, form, purpose=_PURPOSE, subject=errand.request_id)
        if only(form, "choice") == "cancel":
            return see_other(errand.given_up(self._edge))
        problem, session_secret = await self._confirm(request, form)
        if problem:
            return await self._page(request, errand, problem)
        return await after_adding(self._edge, errand, session_secret)

    async def _confirm(self, request: web.Request, form: Parameters) -> tuple[str, str]:
        """What is wrong, in words, or the session's new secret."""
        message = ConfirmTotpRequest(
            session_secret=self._edge.cookies.session(request) or "",
            code=only(form, "code"),
            context=self._edge.context(request),
        )
        try:
            confirmed = await self._edge.backends.factors.ConfirmTotp(message)
        except (AccessDenied, InvalidRequest) as error:
            if error.reason not in _PROBLEMS:
                raise
            return say(_PROBLEMS[error.reason]), ""
        return "", confirmed.session_secret

    async def _page(self, request: web.Request, errand: Errand, problem: str) -> web.Response:
        session = await recent_session(self._edge, request)
        if session is None:
            return errand.sign_in_first(self._edge, AUTHENTICATOR)
        started = await self._edge.backends.factors.StartTotp(
            StartTotpRequest(session_secret=self._edge.cookies.session(request) or "")
        )
        uri = provisioning_uri(started.secret, issuer=self._edge.site.brand, account=started.username)
        key = as_base32(started.secret)
        return self._rendered(request, errand, session, problem=problem, uri=uri, key=key)

    def _rendered(
        self,
        request: web.Request,
        errand: Errand,
        session: GetSessionResponse,
        *,
        problem: str,
        uri: str,
        key: str,
    ) -> web.Response:
        browser_secret = self._edge.cookies.browser_or_new(request)
        token = self._edge.form_token(
            request, purpose=_PURPOSE, subject=errand.request_id, browser_secret=browser_secret
        )
        response = self._edge.pages.page(
            "account_authenticator",
            form_action=("'self'",),
            person=session.display_name or session.username,
            username=session.username,
            problem=problem,
            qr=_qr(uri),
            uri=uri,
            key=" ".join(key[start : start + _GROUP] for start in range(0, len(key), _GROUP)),
            hidden={**errand.parameters, "csrf": token},
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response


def _qr(uri: str) -> Markup:
    """Dark on light in both colour schemes, with the margin that cameras look for. Made here: no markup of others."""
    code = segno.make(uri, error="m", micro=False)
    svg = code.svg_inline(border=4, dark="#000000", light="#ffffff", omitsize=True, svgclass="qr", lineclass=None)
    return Markup(svg)  # noqa: S704 - segno's own, of squares alone

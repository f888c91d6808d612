"""Passkeys on sign-in pages: the form for the browser's dialog, and sign-in with a passkey alone."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from latchkey.authentication.v1.factors_pb2 import SignInWithPasskeyRequest, StartPasskeySignInRequest
from latchkey.token.v1.authorization_pb2 import GetInteractionResponse
from libs.oauth.errors import AccessDenied, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared import csrf
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import of_form, single_value
from services.authorize_frontend.http.shared.refusals import Refusals
from services.authorize_frontend.http.shared.return_target import ReturnTarget

_PURPOSE = "passkey-sign-in"
_PATH = "/sign-in/passkey"
_REFUSALS: Final = Refusals(
    rpc="SignInWithPasskey", shown={Reason.WRONG_PROOF: "passkey", Reason.SIGN_IN_THROTTLED: "passkey"}
)


@dataclass(frozen=True)
class PasskeyForm:
    """The form that passkeys.js fills in (pages/passkey.html)."""

    action: str
    options: str
    hidden: dict[str, str]


async def passkey_form(
    edge: Edge, request: web.Request, target: ReturnTarget, *, browser_secret: str
) -> PasskeyForm | None:
    """Returns the passkey form of a sign-in page; None if passkeys are off or authentication is unavailable."""
    message = StartPasskeySignInRequest(browser=_browser(browser_secret))
    try:
        started = await edge.backends.proofs.StartPasskeySignIn(message)
    except TemporarilyUnavailable:  # the page works without it
        return None
    if not started.options:
        return None
    token = edge.form_token(request, purpose=_PURPOSE, subject=_subject(target), browser_secret=browser_secret)
    return PasskeyForm(edge.site.path(_PATH), started.options, {**target.parameters, "csrf": token})


@dataclass(frozen=True, kw_only=True)
class PasskeySignIn:
    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        return [web.post(self.edge.site.path(_PATH), self.submit)]

    async def submit(self, request: web.Request) -> web.Response:
        """Signs in and redirects to the return target, or back to the sign-in page."""
        form = await of_form(request)
        target = ReturnTarget.of(form)
        request[RETRY] = target.sign_in(self.edge.site)
        self.edge.verify_form(request, form, purpose=_PURPOSE, subject=_subject(target))
        message = SignInWithPasskeyRequest(
            browser=_browser(self.edge.cookies.browser(request) or ""),
            passkey=single_value(form, "credential"),
            session_secret=self.edge.cookies.session(request) or "",
            context=self.edge.context(request, await self._interaction(request, target)),
        )
        try:
            signed_in = await self.edge.backends.proofs.SignInWithPasskey(message)
        except (AccessDenied, TemporarilyUnavailable) as error:
            return see_other(target.sign_in(self.edge.site, problem=_REFUSALS.shown_for(error)))
        response = see_other(target.after(self.edge.site))
        self.edge.cookies.set_session(response, signed_in.session_secret)
        self.edge.cookies.delete_attempt(response)
        return response

    async def _interaction(self, request: web.Request, target: ReturnTarget) -> GetInteractionResponse | None:
        """Returns the pending request's data, None without a pending request. Raises: InvalidRequest."""
        if not target.request_id:
            return None
        return await self.edge.interaction(self.edge.pending(request, tuple(target.parameters.items())))


def _subject(target: ReturnTarget) -> str:
    return f"{target.kind} {target.value}"


def _browser(browser_secret: str) -> str:
    """Returns a value that identifies the browser to authentication without its secret."""
    return csrf.token(browser_secret, purpose="passkey-browser", subject="", session_secret=None)

"""Passkeys on pages: what a browser is asked to show, and signing in with one alone."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from latchkey.authentication.v1.factors_pb2 import SignInWithPasskeyRequest, StartPasskeySignInRequest
from latchkey.token.v1.authorization_pb2 import GetInteractionResponse
from libs.oauth.errors import AccessDenied, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared import csrf
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import of_form, only
from services.authorize_frontend.http.shared.return_target import Onward

_PURPOSE = "passkey-sign-in"
_PATH = "/sign-in/passkey"
_REFUSED: Final = {Reason.WRONG_PROOF, Reason.SIGN_IN_THROTTLED}


@dataclass(frozen=True)
class PasskeyForm:
    """The form that passkeys.js fills in (pages/passkey.html)."""

    action: str
    options: str
    hidden: dict[str, str]


async def passkey_offer(edge: Edge, request: web.Request, onward: Onward, *, browser_secret: str) -> PasskeyForm | None:
    """What a sign-in page offers beside the password; None where there are no passkeys, or nobody to ask for one."""
    try:
        started = await edge.backends.proofs.StartPasskeySignIn(
            StartPasskeySignInRequest(browser=_browser(browser_secret))
        )
    except TemporarilyUnavailable:  # the page is good without it
        return None
    if not started.options:
        return None
    token = edge.form_token(request, purpose=_PURPOSE, subject=_subject(onward), browser_secret=browser_secret)
    return PasskeyForm(edge.site.path(_PATH), started.options, {**onward.parameters, "csrf": token})


class PasskeySignIn:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        return [web.post(self._edge.site.path(_PATH), self.submit)]

    async def submit(self, request: web.Request) -> web.Response:
        """Signs in and goes on, or shows the sign-in page that it came from."""
        form = await of_form(request)
        onward = Onward.of(form)
        request[RETRY] = onward.sign_in(self._edge.site)
        self._edge.prove(request, form, purpose=_PURPOSE, subject=_subject(onward))
        message = SignInWithPasskeyRequest(
            browser=_browser(self._edge.cookies.browser(request) or ""),
            passkey=only(form, "credential"),
            session_secret=self._edge.cookies.session(request) or "",
            context=self._edge.context(request, await self._interaction(request, onward)),
        )
        try:
            signed_in = await self._edge.backends.proofs.SignInWithPasskey(message)
        except (AccessDenied, TemporarilyUnavailable) as error:
            if error.reason not in _REFUSED:
                raise
            return see_other(onward.sign_in(self._edge.site, problem="passkey"))
        response = see_other(onward.after(self._edge.site))
        self._edge.cookies.set_session(response, signed_in.session_secret)
        self._edge.cookies.forget_attempt(response)
        return response

    async def _interaction(self, request: web.Request, onward: Onward) -> GetInteractionResponse | None:
        """What is said about the application's request, if there is one. Raises InvalidRequest."""
        if not onward.request_id:
            return None
        return await self._edge.interaction(self._edge.pending(request, tuple(onward.parameters.items())))


def _subject(onward: Onward) -> str:
    return f"{onward.kind} {onward.value}"


def _browser(browser_secret: str) -> str:
    """Stands for this browser, and is not the secret that it has."""
    return csrf.token(browser_secret, purpose="passkey-browser", subject="", session_secret=None)

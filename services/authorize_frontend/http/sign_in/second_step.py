"""The second step of a sign-in: the password was right, and the person shows a second factor.

What has been done so far is known by the attempt, whose secret only this browser's cookie has; that it is complete is
judged by the authentication service. Nothing is won by coming here without it.
"""

import asyncio
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from latchkey.authentication.v1.factors_pb2 import (
    FACTOR_KIND_PASSKEY,
    FACTOR_KIND_RECOVERY_CODE,
    FACTOR_KIND_TOTP,
    ContinueSignInRequest,
    GetSignInAttemptRequest,
    GetSignInAttemptResponse,
)
from latchkey.token.v1.authorization_pb2 import DECISION_DENY, DecideAuthorizationRequest, GetInteractionResponse
from libs.languages.moments import wait_in_words
from libs.oauth.errors import AccessDenied, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.authorization.responses import answer
from services.authorize_frontend.http.shared.client import ClientOnPage
from services.authorize_frontend.http.shared.edge import RETRY, Edge, PendingRequest, see_other
from services.authorize_frontend.http.shared.parameters import Parameters, of_form, of_query, only
from services.authorize_frontend.http.shared.policy import redirect_sources
from services.authorize_frontend.http.shared.return_target import Onward
from services.authorize_frontend.http.sign_in.passkeys import PasskeyForm
from services.authorize_frontend.http.sign_in.passwords import Tried

_PURPOSE = "second-step"
_PATH = "/second-step"
_WAYS = {"passkey": FACTOR_KIND_PASSKEY, "totp": FACTOR_KIND_TOTP, "recovery": FACTOR_KIND_RECOVERY_CODE}
"""Name on the page -> what is shown that way, the best first."""


@dataclass(frozen=True)
class Shown:
    """What came of what the person showed."""

    problem: Literal["", "incomplete", "wrong", "too-many"] = ""
    wait: str = ""


def go_on(edge: Edge, tried: Tried, onward: Onward) -> web.Response:
    """After the right password: where the person wanted to go, or the second step first."""
    if not tried.attempt_secret:
        response = see_other(onward.after(edge.site))
        edge.cookies.set_session(response, tried.session_secret)
        return response
    return to_second_step(edge, tried.attempt_secret, onward)


def to_second_step(edge: Edge, attempt_secret: str, onward: Onward) -> web.Response:
    response = see_other(edge.site.path(_PATH, **onward.parameters))
    edge.cookies.set_attempt(response, attempt_secret)
    return response


class SecondStep:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path(_PATH)
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        parameters = of_query(request)
        return await self._page(request, Onward.of(parameters), way=only(parameters, "way"), shown=Shown())

    async def submit(self, request: web.Request) -> web.Response:
        """Shows the factor to the authentication service, and goes on; or shows the page again."""
        form = await of_form(request)
        onward = Onward.of(form)
        request[RETRY] = onward.again(self._edge.site)
        self._edge.prove(request, form, purpose=_PURPOSE, subject=self._subject(request, onward))
        if only(form, "choice") == "cancel":
            return await self._cancel(request, onward)
        interaction = await self._interaction(request, onward)
        message = ContinueSignInRequest(
            attempt_secret=self._edge.cookies.attempt(request) or "",
            session_secret=self._edge.cookies.session(request) or "",
            context=self._edge.context(request, interaction),
        )
        shown, session_secret = await self._try(message, form)
        if shown.problem:
            return await self._page(request, onward, way=only(form, "way"), shown=shown)
        response = see_other(onward.after(self._edge.site))
        self._edge.cookies.set_session(response, session_secret)
        self._edge.cookies.forget_attempt(response)
        return response

    async def _try(self, message: ContinueSignInRequest, form: Parameters) -> tuple[Shown, str]:
        """What came of it, and the session's secret if it did."""
        way = only(form, "way")
        shown = only(form, "credential" if way == "passkey" else "code").strip()
        if not shown:
            return Shown("incomplete"), ""
        if way == "passkey":
            message.passkey = shown
        elif way == "recovery":
            message.recovery_code = shown
        else:
            message.totp_code = shown
        try:
            signed_in = await self._edge.backends.proofs.ContinueSignIn(message)
        except AccessDenied as error:
            if error.reason != Reason.WRONG_PROOF:
                raise
            return Shown("wrong"), ""
        except TemporarilyUnavailable as error:
            if error.reason != Reason.SIGN_IN_THROTTLED:
                raise
            return Shown("too-many", wait_in_words(error.retry_after or 1)), ""
        return Shown(), signed_in.session_secret

    async def _cancel(self, request: web.Request, onward: Onward) -> web.Response:
        response = see_other(self._edge.site.path("/"))
        if onward.request_id:
            pending = self._pending(request, onward)
            decision = DecideAuthorizationRequest(
                request_id=pending.request_id, browser_secret=pending.browser_secret, decision=DECISION_DENY
            )
            denied = await self._edge.backends.authorization.DecideAuthorization(decision)
            response = answer(self._edge, request, denied)
        self._edge.cookies.forget_attempt(response)
        return response

    def _pending(self, request: web.Request, onward: Onward) -> PendingRequest:
        return self._edge.pending(request, tuple(onward.parameters.items()))

    async def _interaction(self, request: web.Request, onward: Onward) -> GetInteractionResponse | None:
        """What is said about the application's request, if there is one. Raises InvalidRequest."""
        return await self._edge.interaction(self._pending(request, onward)) if onward.request_id else None

    def _subject(self, request: web.Request, onward: Onward) -> str:
        """A form is about one attempt: in a browser where another one has begun since, it is out of date."""
        return f"{onward.kind} {onward.value} {self._edge.cookies.attempt(request) or ''}"

    async def _page(self, request: web.Request, onward: Onward, *, way: str, shown: Shown) -> web.Response:
        request[RETRY] = onward.again(self._edge.site)
        attempt, interaction = await asyncio.gather(self._attempt(request), self._interaction(request, onward))
        ways = [name for name, kind in _WAYS.items() if kind in attempt.kinds]
        chosen = way if way in ways else next(iter(ways), "")
        if not chosen:
            return see_other(onward.again(self._edge.site))
        browser_secret = self._edge.cookies.browser_or_new(request)
        token = self._edge.form_token(
            request, purpose=_PURPOSE, subject=self._subject(request, onward), browser_secret=browser_secret
        )
        hidden = {**onward.parameters, "way": chosen, "csrf": token}
        targets = redirect_sources(interaction.redirect_origin) if interaction else ()
        response = self._edge.pages.page(
            "second_step",
            form_action=("'self'", *targets),
            client=ClientOnPage.of(interaction, self._edge.site) if interaction else None,
            username=attempt.username,
            is_step_up=attempt.is_step_up,
            scripts=chosen == "passkey",
            way=chosen,
            passkey=PasskeyForm(self._edge.site.path(_PATH), attempt.passkey_options, hidden),
            others=[
                (name, self._edge.site.path(_PATH, **onward.parameters, way=name)) for name in ways if name != chosen
            ],
            hidden=hidden,
            shown=shown,
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response

    async def _attempt(self, request: web.Request) -> GetSignInAttemptResponse:
        """Raises AccessDenied: ATTEMPT_UNKNOWN."""
        secret = self._edge.cookies.attempt(request)
        if secret is None:
            raise AccessDenied("The sign-in is over.", reason=Reason.ATTEMPT_UNKNOWN, redirectable=False)
        return await self._edge.backends.proofs.GetSignInAttempt(
            GetSignInAttemptRequest(attempt_secret=secret, session_secret=self._edge.cookies.session(request) or "")
        )

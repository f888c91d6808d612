"""The second step of a sign-in: after the password, the user presents a second factor.

The state is in the sign-in attempt, whose secret is only in this browser's cookie. The authentication service decides
whether the attempt is complete; this page without an attempt gives no access.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from latchkey.authentication.v1.factors_pb2 import (
    FACTOR_KIND_PASSKEY,
    FACTOR_KIND_RECOVERY_CODE,
    FACTOR_KIND_TOTP,
    ContinueSignInRequest,
    GetSignInAttemptRequest,
    GetSignInAttemptResponse,
)
from latchkey.token.v1.authorization_pb2 import GetInteractionResponse
from libs.languages.moments import wait_in_words
from libs.oauth.errors import AccessDenied, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.authorization.responses import deny
from services.authorize_frontend.http.shared.client import ClientOnPage
from services.authorize_frontend.http.shared.edge import RETRY, Edge, PendingRequest, see_other
from services.authorize_frontend.http.shared.parameters import Parameters, of_form, of_query, single_value
from services.authorize_frontend.http.shared.policy import form_targets
from services.authorize_frontend.http.shared.refusals import Refusals
from services.authorize_frontend.http.shared.return_target import ReturnTarget
from services.authorize_frontend.http.sign_in.passkeys import PasskeyForm
from services.authorize_frontend.http.sign_in.passwords import SignInResult

_PURPOSE = "second-step"
_PATH = "/second-step"
_FACTORS = {"passkey": FACTOR_KIND_PASSKEY, "totp": FACTOR_KIND_TOTP, "recovery": FACTOR_KIND_RECOVERY_CODE}
"""Value of the parameter `way` -> kind of factor, in the order of preference."""
_REFUSALS: Final = Refusals(
    rpc="ContinueSignIn",
    shown={Reason.WRONG_PROOF: "wrong", Reason.SIGN_IN_THROTTLED: "too-many"},
    passed_on=frozenset({Reason.ATTEMPT_UNKNOWN}),
)


@dataclass(frozen=True)
class StepResult:
    """`problem`: `incomplete`, `wrong` or `too-many`; empty if there is none."""

    problem: str = ""
    wait: str = ""


def continue_sign_in(edge: Edge, result: SignInResult, target: ReturnTarget) -> web.Response:
    """Redirects after a correct password: to the return target, or first to the second step."""
    if not result.attempt_secret:
        response = see_other(target.after(edge.site))
        edge.cookies.set_session(response, result.session_secret)
        return response
    return redirect_to_second_step(edge, result.attempt_secret, target)


def redirect_to_second_step(edge: Edge, attempt_secret: str, target: ReturnTarget) -> web.Response:
    response = see_other(edge.site.path(_PATH, **target.parameters))
    edge.cookies.set_attempt(response, attempt_secret)
    return response


@dataclass(frozen=True, kw_only=True)
class SecondStep:
    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path(_PATH)
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        parameters = of_query(request)
        return await self._page(
            request, ReturnTarget.of(parameters), way=single_value(parameters, "way"), shown=StepResult()
        )

    async def submit(self, request: web.Request) -> web.Response:
        """Sends the factor to the authentication service, and redirects; or shows the page again."""
        form = await of_form(request)
        target = ReturnTarget.of(form)
        request[RETRY] = target.restart(self.edge.site)
        self.edge.verify_form(request, form, purpose=_PURPOSE, subject=self._subject(request, target))
        if single_value(form, "choice") == "cancel":
            return await self._cancel(request, target)
        interaction = await self._interaction(request, target)
        message = ContinueSignInRequest(
            attempt_secret=self.edge.cookies.attempt(request) or "",
            session_secret=self.edge.cookies.session(request) or "",
            context=self.edge.context(request, interaction),
        )
        shown, session_secret = await self._try(message, form)
        if shown.problem:
            return await self._page(request, target, way=single_value(form, "way"), shown=shown)
        response = see_other(target.after(self.edge.site))
        self.edge.cookies.set_session(response, session_secret)
        self.edge.cookies.delete_attempt(response)
        return response

    async def _try(self, message: ContinueSignInRequest, form: Parameters) -> tuple[StepResult, str]:
        """Returns the result for the page, and the secret of the session if the step succeeded."""
        way = single_value(form, "way")
        proof = single_value(form, "credential" if way == "passkey" else "code").strip()
        if not proof:
            return StepResult("incomplete"), ""
        if way == "passkey":
            message.passkey = proof
        elif way == "recovery":
            message.recovery_code = proof
        else:
            message.totp_code = proof
        try:
            signed_in = await self.edge.backends.proofs.ContinueSignIn(message)
        except (AccessDenied, TemporarilyUnavailable) as error:
            return StepResult(_REFUSALS.shown_for(error), wait_in_words(error.retry_after or 1)), ""
        return StepResult(), signed_in.session_secret

    async def _cancel(self, request: web.Request, target: ReturnTarget) -> web.Response:
        if target.request_id:
            response = await deny(self.edge, request, self._pending(request, target))
        else:
            response = see_other(self.edge.site.path("/"))
        self.edge.cookies.delete_attempt(response)
        return response

    def _pending(self, request: web.Request, target: ReturnTarget) -> PendingRequest:
        return self.edge.pending(request, tuple(target.parameters.items()))

    async def _interaction(self, request: web.Request, target: ReturnTarget) -> GetInteractionResponse | None:
        """Returns the pending request's data, None without a pending request. Raises: InvalidRequest."""
        return await self.edge.interaction(self._pending(request, target)) if target.request_id else None

    def _subject(self, request: web.Request, target: ReturnTarget) -> str:
        """The form is about one attempt: after another attempt began in this browser, the form is out of date."""
        return f"{target.kind} {target.value} {self.edge.cookies.attempt(request) or ''}"

    async def _page(self, request: web.Request, target: ReturnTarget, *, way: str, shown: StepResult) -> web.Response:
        request[RETRY] = target.restart(self.edge.site)
        attempt, interaction = await asyncio.gather(self._attempt(request), self._interaction(request, target))
        ways = [name for name, kind in _FACTORS.items() if kind in attempt.kinds]
        chosen = way if way in ways else next(iter(ways), "")
        if not chosen:
            return see_other(target.restart(self.edge.site))
        browser_secret = self.edge.cookies.browser_or_new(request)
        subject = self._subject(request, target)
        token = self.edge.form_token(request, purpose=_PURPOSE, subject=subject, browser_secret=browser_secret)
        hidden = {**target.parameters, "way": chosen}
        path = self.edge.site.path
        return self.edge.form_page(
            request,
            "second_step",
            purpose=_PURPOSE,
            subject=subject,
            browser_secret=browser_secret,
            hidden=hidden,
            targets=form_targets(request, interaction.redirect_origin) if interaction else (),
            client=ClientOnPage.of(interaction, self.edge.site) if interaction else None,
            username=attempt.username,
            is_step_up=attempt.is_step_up,
            scripts=chosen == "passkey",
            way=chosen,
            passkey=PasskeyForm(path(_PATH), attempt.passkey_options, {**hidden, "csrf": token}),
            others=[(name, path(_PATH, **target.parameters, way=name)) for name in ways if name != chosen],
            shown=shown,
        )

    async def _attempt(self, request: web.Request) -> GetSignInAttemptResponse:
        """Raises AccessDenied: ATTEMPT_UNKNOWN."""
        secret = self.edge.cookies.attempt(request)
        if secret is None:
            raise AccessDenied(
                "The sign-in attempt is unknown or has expired.", reason=Reason.ATTEMPT_UNKNOWN, redirectable=False
            )
        return await self.edge.backends.proofs.GetSignInAttempt(
            GetSignInAttemptRequest(attempt_secret=secret, session_secret=self.edge.cookies.session(request) or "")
        )

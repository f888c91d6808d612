"""The pages that connect a device (RFC 8628 3.3): user code, confirmation, result.

The confirmation page is only the response to the form of the user code page, so no link leads to it. A link with a
code (verification_uri_complete) fills in the code and submits nothing.
"""

from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from aiohttp import web

from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from latchkey.device.v1.device_pb2 import (
    DEVICE_DECISION_ALLOW,
    DEVICE_DECISION_DENY,
    DecideDeviceCodeRequest,
    FindUserCodeRequest,
    FindUserCodeResponse,
)
from libs.languages.moments import minutes_ago, minutes_in_words
from libs.oauth.errors import InvalidRequest, LoginRequired, OAuthError, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.device.sign_in import redirect_to_device_sign_in, signed_in_just_now
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.networks import network
from services.authorize_frontend.http.shared.parameters import of_form, of_query, single_value
from services.authorize_frontend.http.shared.refusals import Refusals
from services.authorize_frontend.http.shared.resources import resources_on_page
from services.authorize_frontend.http.shared.user_codes import typed_code

_CODE_FORM = "device-code"
_DECISION_FORM = "device-decision"
_DECISIONS = {"allow": DEVICE_DECISION_ALLOW, "deny": DEVICE_DECISION_DENY}
_DONE = {DEVICE_DECISION_ALLOW: "/device/allowed", DEVICE_DECISION_DENY: "/device/denied"}
_SHOWN: Final = {Reason.USER_CODE_UNKNOWN: "unknown", Reason.USER_CODE_ATTEMPTS: "too-many"}
_FINDING: Final = Refusals(rpc="FindUserCode", shown=_SHOWN)
_DECIDING: Final = Refusals(rpc="DecideDeviceCode", shown={**_SHOWN, Reason.SIGN_IN_NOT_FRESH: "sign-in"})
"""SIGN_IN_NOT_FRESH redirects to the sign-in page."""


@dataclass(frozen=True, kw_only=True)
class Device:
    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path
        return [
            web.get(path("/device"), self.show, allow_head=False),
            web.post(path("/device"), self.find),
            web.post(path("/device/decision"), self.decide),
            web.get(path("/device/allowed"), self.allowed, allow_head=False),
            web.get(path("/device/denied"), self.denied, allow_head=False),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Shows the user code page, after a sign-in within the last minutes."""
        user_code = typed_code(of_query(request))
        session = await self.edge.session(request)
        if not signed_in_just_now(self.edge, session):
            return redirect_to_device_sign_in(self.edge, user_code)
        return self._code_page(request, user_code)

    async def find(self, request: web.Request) -> web.Response:
        """Shows the confirmation page for the user code."""
        form = await of_form(request)
        request[RETRY] = self.edge.site.path("/device")
        self.edge.verify_form(request, form, purpose=_CODE_FORM, subject="")
        user_code = typed_code(form)
        session = await self.edge.session(request)
        if not signed_in_just_now(self.edge, session):
            return redirect_to_device_sign_in(self.edge, user_code)
        asked = FindUserCodeRequest(
            user_code=user_code, context=self.edge.context(request), user_id=session.session.user_id
        )
        try:
            found = await self.edge.backends.device.FindUserCode(asked)
        except (InvalidRequest, TemporarilyUnavailable) as error:
            return self._refused(request, error, _FINDING.shown_for(error), user_code)
        return self._question(request, found, session)

    async def decide(self, request: web.Request) -> web.Response:
        """Sends the user's decision to the device service, which checks the code and the time of the sign-in."""
        form = await of_form(request)
        user_code = typed_code(form)
        request[RETRY] = self.edge.site.path("/device")
        self.edge.verify_form(request, form, purpose=_DECISION_FORM, subject=user_code)
        decision = _DECISIONS.get(single_value(form, "choice"))
        if decision is None:
            raise InvalidRequest("choice must be allow or deny.", reason=Reason.DECISION_MISSING, redirectable=False)
        session = await self.edge.session(request)
        message = DecideDeviceCodeRequest(user_code=user_code, decision=decision, context=self.edge.context(request))
        if session.HasField("attested"):
            message.session.CopyFrom(session.attested)
        try:
            await self.edge.backends.device.DecideDeviceCode(message)
        except LoginRequired:
            return redirect_to_device_sign_in(self.edge, user_code)
        except (InvalidRequest, TemporarilyUnavailable) as error:
            return self._refused(request, error, _DECIDING.shown_for(error), "")
        return see_other(self.edge.site.path(_DONE[decision]))

    async def allowed(self, _request: web.Request) -> web.Response:
        return self.edge.pages.page("device_done", allowed=True)

    async def denied(self, _request: web.Request) -> web.Response:
        return self.edge.pages.page("device_done", allowed=False)

    def _refused(self, request: web.Request, error: OAuthError, problem: str, user_code: str) -> web.Response:
        """Shows the user code page with the problem."""
        if problem != "too-many":
            return self._code_page(request, user_code, problem=problem)
        wait = error.retry_after or 60
        response = self._code_page(request, "", problem=problem, status=429, wait=minutes_in_words(wait))
        response.headers["Retry-After"] = str(wait)
        return response

    def _code_page(self, request: web.Request, user_code: str, *, problem: str = "", **more: Any) -> web.Response:
        browser_secret = self.edge.cookies.browser_or_new(request)
        values = {"wait": "", **more}
        response = self.edge.pages.page(
            "device",
            form_action=("'self'",),
            user_code=user_code,
            problem=problem,
            csrf=self.edge.form_token(request, purpose=_CODE_FORM, subject="", browser_secret=browser_secret),
            **values,
        )
        self.edge.cookies.keep_browser(request, response, browser_secret)
        return response

    def _question(self, request: web.Request, found: FindUserCodeResponse, session: GetSessionResponse) -> web.Response:
        token = self.edge.form_token(
            request,
            purpose=_DECISION_FORM,
            subject=found.user_code,
            browser_secret=self.edge.cookies.browser_or_new(request),
        )
        return self.edge.pages.page(
            "device_confirm",
            form_action=("'self'",),
            client_name=found.client_name or found.client_id,
            scopes=list(dict.fromkeys(found.scopes)),
            resources=resources_on_page(found.resources),
            user_code=found.user_code,
            requested=minutes_ago((self.edge.clock.now() - found.requested_at.ToDatetime(tzinfo=UTC)).total_seconds()),
            network=network(found.requested_from, own_address=self.edge.context(request).remote_address),
            display_name=session.display_name or session.username,
            username=session.username,
            csrf=token,
        )

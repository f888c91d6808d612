"""Connecting a device (RFC 8628 3.3): the code, the question, the answer.

The question is only ever the answer to a form that our page gave: no link leads to it, and a link with a code in it
(verification_uri_complete) fills the code in and sends nothing.
"""

from typing import Any, Literal

from aiohttp import web

from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from latchkey.device.v1.device_pb2 import (
    DEVICE_DECISION_ALLOW,
    DEVICE_DECISION_DENY,
    DecideDeviceCodeRequest,
    FindUserCodeRequest,
    FindUserCodeResponse,
)
from libs.languages.moments import minutes_in_words
from libs.oauth.errors import InvalidRequest, LoginRequired, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.device.sign_in import is_fresh, sign_in_first
from services.authorize_frontend.http.device.words import how_long_ago, network
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import of_form, of_query, only
from services.authorize_frontend.http.shared.resource_words import resources_on_page
from services.authorize_frontend.http.shared.user_codes import typed_code

_CODE_FORM = "device-code"
_DECISION_FORM = "device-decision"
_DECISIONS = {"allow": DEVICE_DECISION_ALLOW, "deny": DEVICE_DECISION_DENY}
_DONE = {DEVICE_DECISION_ALLOW: "/device/allowed", DEVICE_DECISION_DENY: "/device/denied"}
Problem = Literal["", "unknown", "too-many"]


class Device:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path
        return [
            web.get(path("/device"), self.show, allow_head=False),
            web.post(path("/device"), self.find),
            web.post(path("/device/decision"), self.decide),
            web.get(path("/device/allowed"), self.allowed, allow_head=False),
            web.get(path("/device/denied"), self.denied, allow_head=False),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Asks for the code, once the person has just signed in."""
        user_code = typed_code(of_query(request))
        session = await self._edge.session(request)
        if not is_fresh(self._edge, session):
            return sign_in_first(self._edge, user_code)
        return self._code_page(request, user_code)

    async def find(self, request: web.Request) -> web.Response:
        """Shows what waits under the code, and asks."""
        form = await of_form(request)
        request[RETRY] = self._edge.site.path("/device")
        self._edge.prove(request, form, purpose=_CODE_FORM, subject="")
        user_code = typed_code(form)
        session = await self._edge.session(request)
        if not is_fresh(self._edge, session):
            return sign_in_first(self._edge, user_code)
        asked = FindUserCodeRequest(
            user_code=user_code, context=self._edge.context(request), user_id=session.session.user_id
        )
        try:
            found = await self._edge.backends.device.FindUserCode(asked)
        except (InvalidRequest, TemporarilyUnavailable) as error:
            return self._refused(request, error, user_code)
        return self._question(request, found, session)

    async def decide(self, request: web.Request) -> web.Response:
        """The person's answer. The device service judges it by what it has stored, and by how fresh the session is."""
        form = await of_form(request)
        user_code = typed_code(form)
        request[RETRY] = self._edge.site.path("/device")
        self._edge.prove(request, form, purpose=_DECISION_FORM, subject=user_code)
        decision = _DECISIONS.get(only(form, "choice"))
        if decision is None:
            raise InvalidRequest("The form has no decision.", reason=Reason.DECISION_MISSING, redirectable=False)
        session = await self._edge.session(request)
        message = DecideDeviceCodeRequest(user_code=user_code, decision=decision, context=self._edge.context(request))
        if session.HasField("attested"):
            message.session.CopyFrom(session.attested)
        try:
            await self._edge.backends.device.DecideDeviceCode(message)
        except LoginRequired:
            return sign_in_first(self._edge, user_code)
        except (InvalidRequest, TemporarilyUnavailable) as error:
            return self._refused(request, error, "")
        return see_other(self._edge.site.path(_DONE[decision]))

    async def allowed(self, _request: web.Request) -> web.Response:
        return self._edge.pages.page("device_done", allowed=True)

    async def denied(self, _request: web.Request) -> web.Response:
        return self._edge.pages.page("device_done", allowed=False)

    def _refused(
        self, request: web.Request, error: InvalidRequest | TemporarilyUnavailable, user_code: str
    ) -> web.Response:
        """The code page again, when it is the code that was refused. Raises the error when it is something else."""
        if error.reason == Reason.USER_CODE_UNKNOWN:
            return self._code_page(request, user_code, problem="unknown")
        if error.reason != Reason.USER_CODE_ATTEMPTS:
            raise error
        wait = error.retry_after or 60
        response = self._code_page(request, "", problem="too-many", status=429, wait=minutes_in_words(wait))
        response.headers["Retry-After"] = str(wait)
        return response

    def _code_page(self, request: web.Request, user_code: str, *, problem: Problem = "", **more: Any) -> web.Response:
        browser_secret = self._edge.cookies.browser_or_new(request)
        values = {"wait": "", **more}
        response = self._edge.pages.page(
            "device",
            form_action=("'self'",),
            user_code=user_code,
            problem=problem,
            csrf=self._edge.form_token(request, purpose=_CODE_FORM, subject="", browser_secret=browser_secret),
            **values,
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response

    def _question(self, request: web.Request, found: FindUserCodeResponse, session: GetSessionResponse) -> web.Response:
        token = self._edge.form_token(
            request,
            purpose=_DECISION_FORM,
            subject=found.user_code,
            browser_secret=self._edge.cookies.browser_or_new(request),
        )
        return self._edge.pages.page(
            "device_confirm",
            form_action=("'self'",),
            client_name=found.client_name or found.client_id,
            scopes=list(dict.fromkeys(found.scopes)),
            resources=resources_on_page(found.resources),
            user_code=found.user_code,
            asked=how_long_ago(found.requested_at, now=self._edge.clock.now()),
            network=network(found.requested_from, own_address=self._edge.context(request).remote_address),
            person=session.display_name or session.username,
            username=session.username,
            csrf=token,
        )

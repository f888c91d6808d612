"""The email address of the account: confirm it, or change it, with a link in an email."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from latchkey.authentication.v1.addresses_pb2 import (
    ConfirmAddressRequest,
    GetAddressRequestRequest,
    GetOwnAddressRequest,
    RequestAddressRequest,
)
from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from libs.languages.translation import current, mark, translate
from libs.oauth.errors import InvalidRequest, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.email_links import SENDING_PROBLEMS, require_link_token, sending_problem
from services.authorize_frontend.http.shared.parameters import of_form, of_query, single_value
from services.authorize_frontend.http.shared.recent_sign_in import recent_session, redirect_to_sign_in
from services.authorize_frontend.http.shared.refusals import Refusals

_PURPOSE, _CONFIRM_PURPOSE = "account-address", "account-address-confirm"
_PATH, _CONFIRM_PATH, _SENT_PATH = "/account/address", "/account/address/confirm", "/account/address/sent"
_LINK_SECONDS = 30 * 60
_SENDING: Final = Refusals(
    rpc="RequestAddress",
    shown=SENDING_PROBLEMS,
    passed_on=frozenset({Reason.SESSION_MISSING, Reason.REAUTHENTICATION_REQUIRED, Reason.NO_MAIL}),
)


_CONFIRMING: Final = Refusals(
    rpc="ConfirmAddress",
    shown={Reason.ADDRESS_TAKEN: mark("Another account already uses this email address.")},
    passed_on=frozenset({Reason.SESSION_MISSING, Reason.LINK_UNKNOWN}),
)


@dataclass(frozen=True, kw_only=True)
class AccountAddress:
    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path
        return [
            web.get(path(_PATH), self.show, allow_head=False),
            web.post(path(_PATH), self.submit),
            web.get(path(_SENT_PATH), self.sent, allow_head=False),
        ]

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request)

    async def submit(self, request: web.Request) -> web.Response:
        """Sends an email to the new or to the current address. Nothing changes before its link is used."""
        form = await of_form(request)
        request[RETRY] = self.edge.site.path(_PATH)
        self.edge.verify_form(request, form, purpose=_PURPOSE, subject="")
        choice, typed = single_value(form, "choice"), single_value(form, "address").strip()
        if choice == "cancel":
            return see_other(self.edge.site.path("/account"))
        if choice == "change" and not typed:
            return await self._page(request, problem=translate("Please enter an email address."))
        message = RequestAddressRequest(
            session_secret=self.edge.cookies.session(request) or "",
            address=typed if choice == "change" else "",
            locale=current().tag,
            context=self.edge.context(request),
        )
        try:
            await self.edge.backends.addresses.RequestAddress(message)
        except (InvalidRequest, TemporarilyUnavailable) as error:
            return await self._page(request, typed=typed, problem=sending_problem(_SENDING, error))
        return see_other(self.edge.site.path(_SENT_PATH))

    async def sent(self, _request: web.Request) -> web.Response:
        return self.edge.pages.page("account_address_sent")

    async def _page(self, request: web.Request, *, typed: str = "", problem: str = "") -> web.Response:
        if self.edge.capabilities.mail is False:
            raise web.HTTPNotFound
        session = await recent_session(self.edge, request)
        secret = self.edge.cookies.session(request)
        if session is None or secret is None:
            return redirect_to_sign_in(self.edge, to=_PATH)
        own = await self.edge.backends.addresses.GetOwnAddress(GetOwnAddressRequest(session_secret=secret))
        return self.edge.form_page(
            request,
            "account_address",
            purpose=_PURPOSE,
            address=own.address,
            verified=own.verified,
            typed=typed,
            problem=problem,
        )


@dataclass(frozen=True, kw_only=True)
class ConfirmAddress:
    """The page behind the link in the email. Only the signed-in user who requested the email can use the link."""

    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path(_CONFIRM_PATH)
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        """Shows the address and a button. A user without a session signs in first; a cookie keeps the link."""
        request[RETRY] = self.edge.site.path(_PATH)
        unverified = single_value(of_query(request), "token") or self.edge.cookies.link(request) or ""
        token = require_link_token(unverified)
        secret = self.edge.cookies.session(request)
        session = await self.edge.session(request)
        if secret is None or not session.HasField("session"):
            response = redirect_to_sign_in(self.edge, to=_CONFIRM_PATH)
            self.edge.cookies.keep_link(response, token, seconds=_LINK_SECONDS)
            return response
        return await self._page(request, session, secret, token)

    async def submit(self, request: web.Request) -> web.Response:
        form = await of_form(request)
        token = single_value(form, "token")
        request[RETRY] = self.edge.site.path(_PATH)
        self.edge.verify_form(request, form, purpose=_CONFIRM_PURPOSE, subject=token)
        secret = self.edge.cookies.session(request) or ""
        try:
            await self.edge.backends.addresses.ConfirmAddress(ConfirmAddressRequest(session_secret=secret, token=token))
        except InvalidRequest as error:
            problem = translate(_CONFIRMING.shown_for(error))
            return await self._page(request, await self.edge.session(request), secret, token, problem=problem)
        response = see_other(self.edge.site.path("/account", note="address-confirmed"))
        self.edge.cookies.delete_link(response)
        return response

    async def _page(
        self, request: web.Request, session: GetSessionResponse, secret: str, token: str, *, problem: str = ""
    ) -> web.Response:
        message = GetAddressRequestRequest(session_secret=secret, token=token)
        found = await self.edge.backends.addresses.GetAddressRequest(message)
        return self.edge.form_page(
            request,
            "account_address_confirm",
            purpose=_CONFIRM_PURPOSE,
            subject=token,
            hidden={"token": token},
            display_name=session.display_name or session.username,
            username=session.username,
            address=found.address,
            problem=problem,
        )

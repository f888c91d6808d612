"""The mail address of one's account: showing that it is one's own, and having another."""

from aiohttp import web

from latchkey.authentication.v1.addresses_pb2 import (
    ConfirmAddressRequest,
    GetAddressRequestRequest,
    GetOwnAddressRequest,
    RequestAddressRequest,
)
from libs.languages.moments import wait_in_words
from libs.languages.speaking import current, say
from libs.oauth.errors import InvalidRequest, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.account.sign_in import recent_session, sign_in_again
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import Parameters, is_opaque, of_form, of_query, only

_PURPOSE, _CONFIRM_PURPOSE = "account-address", "account-address-confirm"
_PATH, _CONFIRM_PATH, _SENT_PATH = "/account/address", "/account/address/confirm", "/account/address/sent"
_LINK_SECONDS = 30 * 60


class AccountAddress:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path
        return [
            web.get(path(_PATH), self.show, allow_head=False),
            web.post(path(_PATH), self.submit),
            web.get(path(_SENT_PATH), self.sent, allow_head=False),
        ]

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request)

    async def submit(self, request: web.Request) -> web.Response:
        """Has a letter sent to what was typed, or to the present address. Nothing changes before its link is used."""
        form = await of_form(request)
        request[RETRY] = self._edge.site.path(_PATH)
        self._edge.prove(request, form, purpose=_PURPOSE, subject="")
        choice, typed = only(form, "choice"), only(form, "address").strip()
        if choice == "cancel":
            return see_other(self._edge.site.path("/account"))
        if choice == "change" and not typed:
            return await self._page(request, problem=say("Please enter an email address."))
        problem = await self._problem(request, typed if choice == "change" else "")
        if problem:
            return await self._page(request, typed=typed, problem=problem)
        return see_other(self._edge.site.path(_SENT_PATH))

    async def sent(self, request: web.Request) -> web.Response:
        return self._edge.pages.page("account_address_sent")

    async def _problem(self, request: web.Request, address: str) -> str:
        """What keeps the letter from being sent, in words; nothing when it is on its way."""
        message = RequestAddressRequest(
            session_secret=self._edge.cookies.session(request) or "",
            address=address,
            locale=current().tag,
            context=self._edge.context(request),
        )
        try:
            await self._edge.backends.addresses.RequestAddress(message)
        except InvalidRequest as error:
            if error.reason != Reason.ADDRESS_MALFORMED:
                raise
            return say("This email address is not valid. Please check it.")
        except TemporarilyUnavailable as error:
            if error.reason != Reason.LETTERS_THROTTLED:
                raise
            wait = wait_in_words(error.retry_after or 1)
            return say("Too many requests. Please try again in %(wait)s.", wait=wait)
        return ""

    async def _page(self, request: web.Request, *, typed: str = "", problem: str = "") -> web.Response:
        if self._edge.offers.mail is False:
            raise web.HTTPNotFound
        session = await recent_session(self._edge, request)
        secret = self._edge.cookies.session(request)
        if session is None or secret is None:
            return sign_in_again(self._edge, to=_PATH)
        own = await self._edge.backends.addresses.GetOwnAddress(GetOwnAddressRequest(session_secret=secret))
        browser_secret = self._edge.cookies.browser_or_new(request)
        response = self._edge.pages.page(
            "account_address",
            form_action=("'self'",),
            address=own.address,
            verified=own.verified,
            typed=typed,
            problem=problem,
            csrf=self._edge.form_token(request, purpose=_PURPOSE, subject="", browser_secret=browser_secret),
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response


class ConfirmAddress:
    """The link in the letter. Opening it changes nothing, and only who asked for it, signed in, can use it."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path(_CONFIRM_PATH)
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        """Who is not signed in does that first; the link is kept for them meanwhile."""
        request[RETRY] = self._edge.site.path(_PATH)
        token = only(of_query(request), "token") or self._edge.cookies.link(request) or ""
        if not is_opaque(token):
            raise InvalidRequest("This link does not work any more.", reason=Reason.LINK_UNKNOWN, redirectable=False)
        secret = self._edge.cookies.session(request)
        session = await self._edge.session(request)
        if secret is None or not session.HasField("session"):
            response = sign_in_again(self._edge, to=_CONFIRM_PATH)
            self._edge.cookies.keep_link(response, token, seconds=_LINK_SECONDS)
            return response
        return await self._page(request, secret, token, person=session.display_name, username=session.username)

    async def submit(self, request: web.Request) -> web.Response:
        form: Parameters = await of_form(request)
        token = only(form, "token")
        request[RETRY] = self._edge.site.path(_PATH)
        self._edge.prove(request, form, purpose=_CONFIRM_PURPOSE, subject=token)
        secret = self._edge.cookies.session(request) or ""
        await self._edge.backends.addresses.ConfirmAddress(ConfirmAddressRequest(session_secret=secret, token=token))
        response = see_other(self._edge.site.path("/account", note="address-confirmed"))
        self._edge.cookies.forget_link(response)
        return response

    async def _page(self, request: web.Request, secret: str, token: str, *, person: str, username: str) -> web.Response:
        found = await self._edge.backends.addresses.GetAddressRequest(
            GetAddressRequestRequest(session_secret=secret, token=token)
        )
        browser_secret = self._edge.cookies.browser_or_new(request)
        csrf = self._edge.form_token(request, purpose=_CONFIRM_PURPOSE, subject=token, browser_secret=browser_secret)
        response = self._edge.pages.page(
            "account_address_confirm",
            form_action=("'self'",),
            person=person or username,
            username=username,
            address=found.address,
            hidden={"token": token, "csrf": csrf},
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response

"""Making an account for oneself: an address first, and the rest with the link in the letter to it."""

from aiohttp import web

from latchkey.authentication.v1.sign_ups_pb2 import CompleteSignUpRequest, GetSignUpRequest, RequestSignUpRequest
from libs.languages.moments import wait_in_words
from libs.languages.speaking import current, say
from libs.oauth.errors import InvalidRequest, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.new_password import why_not
from services.authorize_frontend.http.shared.parameters import Parameters, is_opaque, of_form, of_query, only

_PURPOSE, _COMPLETE_PURPOSE = "sign-up", "sign-up-complete"
_PATH, _SENT_PATH, _COMPLETE_PATH, _DONE_PATH = "/sign-up", "/sign-up/sent", "/sign-up/complete", "/sign-up/done"


class SignUp:
    """Says the same to everybody: whether there is an account with the address is told to its mailbox alone."""

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
        return self._page(request)

    async def submit(self, request: web.Request) -> web.Response:
        form = await of_form(request)
        request[RETRY] = self._edge.site.path(_PATH)
        self._edge.prove(request, form, purpose=_PURPOSE, subject="")
        if only(form, "choice") == "cancel":
            return see_other(self._edge.site.path("/account/sign-in"))
        address = only(form, "address").strip()
        problem = await self._problem(request, address) if address else say("Please enter an email address.")
        if problem:
            return self._page(request, address=address, problem=problem)
        return see_other(self._edge.site.path(_SENT_PATH))

    async def sent(self, request: web.Request) -> web.Response:
        return self._edge.pages.page("sign_up_sent")

    async def _problem(self, request: web.Request, address: str) -> str:
        message = RequestSignUpRequest(address=address, locale=current().tag, context=self._edge.context(request))
        try:
            await self._edge.backends.sign_ups.RequestSignUp(message)
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

    def _page(self, request: web.Request, *, address: str = "", problem: str = "") -> web.Response:
        if self._edge.offers.sign_up is False:
            raise web.HTTPNotFound
        browser_secret = self._edge.cookies.browser_or_new(request)
        response = self._edge.pages.page(
            "sign_up",
            form_action=("'self'",),
            address=address,
            problem=problem,
            csrf=self._edge.form_token(request, purpose=_PURPOSE, subject="", browser_secret=browser_secret),
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response


class CompleteSignUp:
    """The link in the letter. Opening it changes nothing and uses nothing up."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path
        return [
            web.get(path(_COMPLETE_PATH), self.show, allow_head=False),
            web.post(path(_COMPLETE_PATH), self.submit),
            web.get(path(_DONE_PATH), self.done, allow_head=False),
        ]

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request, only(of_query(request), "token"))

    async def submit(self, request: web.Request) -> web.Response:
        form: Parameters = await of_form(request)
        token, name, password = only(form, "token"), only(form, "name"), only(form, "new_password")
        request[RETRY] = self._edge.site.path(_PATH)
        self._edge.prove(request, form, purpose=_COMPLETE_PURPOSE, subject=token)
        if not password:
            return await self._page(request, token, name=name, problem=say("Please enter a new password."))
        try:
            message = CompleteSignUpRequest(token=token, password=password, name=name)
            await self._edge.backends.sign_ups.CompleteSignUp(message)
        except InvalidRequest as error:
            problem = say("Please enter a valid name.") if error.reason == Reason.CLAIM_MALFORMED else why_not(error)
            return await self._page(request, token, name=name, problem=problem)
        return see_other(self._edge.site.path(_DONE_PATH))

    async def done(self, request: web.Request) -> web.Response:
        return self._edge.pages.page("sign_up_done")

    async def _page(self, request: web.Request, token: str, *, name: str = "", problem: str = "") -> web.Response:
        request[RETRY] = self._edge.site.path(_PATH)
        if not is_opaque(token):
            raise InvalidRequest("This link does not work any more.", reason=Reason.LINK_UNKNOWN, redirectable=False)
        found = await self._edge.backends.sign_ups.GetSignUp(GetSignUpRequest(token=token))
        browser_secret = self._edge.cookies.browser_or_new(request)
        csrf = self._edge.form_token(request, purpose=_COMPLETE_PURPOSE, subject=token, browser_secret=browser_secret)
        response = self._edge.pages.page(
            "sign_up_complete",
            form_action=("'self'",),
            address=found.address,
            person_name=name,
            problem=problem,
            hidden={"token": token, "csrf": csrf},
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response

"""Sign-in pages without an authorization request: for the pages of the account, and to connect a device."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import Parameters, of_form, of_query, single_value
from services.authorize_frontend.http.shared.return_target import ReturnTarget
from services.authorize_frontend.http.sign_in.passkeys import passkey_form
from services.authorize_frontend.http.sign_in.passwords import SignInResult, empty_form, sign_in_with_password
from services.authorize_frontend.http.sign_in.second_step import continue_sign_in
from services.authorize_frontend.site import Site


@dataclass(frozen=True, kw_only=True)
class StandaloneSignIn:
    """The form carries its return target, and can lead to no other place.

    Args:
        path: of the page.
        purpose: of its form (see csrf.token).
        destination: what the page says that the user signs in to.
        target_of: reads the return target from the query or the form.
        retry: the link on the error page.
    """

    edge: Edge
    path: str
    purpose: str
    destination: Literal["account", "device"]
    target_of: Callable[[Parameters], ReturnTarget]
    retry: Callable[[ReturnTarget, Site], str]

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path(self.path)
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        session = await self.edge.session(request)
        return await self._page(request, self.target_of(of_query(request)), empty_form(request, session.username))

    async def submit(self, request: web.Request) -> web.Response:
        """Signs in and redirects to the return target, or shows the page again."""
        form = await of_form(request)
        target = self.target_of(form)
        request[RETRY] = self.retry(target, self.edge.site)
        self.edge.verify_form(request, form, purpose=self.purpose, subject=target.value)
        if single_value(form, "choice") == "cancel":
            return see_other(self.edge.site.path("/"))
        result = await sign_in_with_password(self.edge, request, form, context=self.edge.context(request))
        if result.problem:
            return await self._page(request, target, result)
        return continue_sign_in(self.edge, result, target)

    async def _page(self, request: web.Request, target: ReturnTarget, result: SignInResult) -> web.Response:
        browser_secret = self.edge.cookies.browser_or_new(request)
        passkey = await passkey_form(self.edge, request, target, browser_secret=browser_secret)
        return self.edge.form_page(
            request,
            "sign_in",
            purpose=self.purpose,
            subject=target.value,
            browser_secret=browser_secret,
            hidden=target.parameters,
            scripts=passkey is not None,
            passkey=passkey,
            client=None,
            display_name="",
            username="",
            to=self.destination,
            action=self.edge.site.path(self.path),
            result=result,
        )

"""The sign-in page of an authorization request."""

from dataclasses import dataclass

from aiohttp import web

from latchkey.token.v1.authorization_pb2 import GetInteractionResponse
from services.authorize_frontend.http.authorization.responses import deny
from services.authorize_frontend.http.shared.client import ClientOnPage
from services.authorize_frontend.http.shared.edge import Edge, PendingRequest
from services.authorize_frontend.http.shared.parameters import single_value
from services.authorize_frontend.http.shared.policy import form_targets
from services.authorize_frontend.http.shared.return_target import ReturnTarget
from services.authorize_frontend.http.sign_in.passkeys import passkey_form
from services.authorize_frontend.http.sign_in.passwords import SignInResult, empty_form, sign_in_with_password
from services.authorize_frontend.http.sign_in.second_step import continue_sign_in

_PURPOSE = "sign-in"


@dataclass(frozen=True, kw_only=True)
class SignIn:
    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path("/sign-in")
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        pending = self.edge.pending(request)
        interaction = await self.edge.interaction(pending)
        return await self._page(request, pending, interaction, empty_form(request, interaction.login_hint))

    async def submit(self, request: web.Request) -> web.Response:
        """Signs in and resumes the authorization request, or shows the page again.

        The session cookie gets a new secret. The browser's binding cookie keeps its value: pending requests in all
        tabs are bound to it, and it gives no access by itself. An attacker who planted or copied it before does not
        have the new session secret, which the CSRF tokens of all later forms cover. Sign-out deletes it.
        """
        form, pending = await self.edge.posted_form(request, purpose=_PURPOSE)
        if single_value(form, "choice") == "cancel":
            return await deny(self.edge, request, pending)
        interaction = await self.edge.interaction(pending)
        context = self.edge.context(request, interaction)
        result = await sign_in_with_password(self.edge, request, form, context=context)
        if result.problem:
            return await self._page(request, pending, interaction, result)
        return continue_sign_in(self.edge, result, ReturnTarget.to_request(pending.request_id))

    async def _page(
        self,
        request: web.Request,
        pending: PendingRequest,
        interaction: GetInteractionResponse,
        result: SignInResult,
    ) -> web.Response:
        """The page, with the problem of the form that was sent before. It names the user of the present session.

        The status is always 200: 401 would need a WWW-Authenticate challenge (RFC 9110 15.5.2), and a form is none.
        """
        target = ReturnTarget.to_request(pending.request_id)
        session = await self.edge.session(request)
        passkey = await passkey_form(self.edge, request, target, browser_secret=pending.browser_secret)
        return self.edge.form_page(
            request,
            "sign_in",
            purpose=_PURPOSE,
            subject=pending.request_id,
            browser_secret=pending.browser_secret,
            hidden=target.parameters,
            targets=form_targets(request, interaction.redirect_origin),
            scripts=passkey is not None,
            passkey=passkey,
            client=ClientOnPage.of(interaction, self.edge.site),
            display_name=session.display_name or session.username,
            username=session.username,
            to="client",
            action=self.edge.site.path("/sign-in", request=pending.request_id),
            result=result,
        )

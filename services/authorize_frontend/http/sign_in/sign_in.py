"""The sign-in page."""

from aiohttp import web

from latchkey.token.v1.authorization_pb2 import DECISION_DENY, DecideAuthorizationRequest, GetInteractionResponse
from services.authorize_frontend.http.authorization.responses import answer
from services.authorize_frontend.http.shared.client import ClientOnPage
from services.authorize_frontend.http.shared.edge import Edge, PendingRequest
from services.authorize_frontend.http.shared.parameters import only
from services.authorize_frontend.http.shared.policy import redirect_sources
from services.authorize_frontend.http.shared.return_target import Onward
from services.authorize_frontend.http.sign_in.passkeys import passkey_offer
from services.authorize_frontend.http.sign_in.passwords import Tried, arrived, try_password
from services.authorize_frontend.http.sign_in.second_step import go_on

_PURPOSE = "sign-in"


class SignIn:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path("/sign-in")
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        pending = self._edge.pending(request)
        interaction = await self._edge.interaction(pending)
        return await self._page(request, pending, interaction, arrived(request, interaction.login_hint))

    async def submit(self, request: web.Request) -> web.Response:
        """Signs in and goes on with the request, or shows the page again.

        The session cookie gets a new secret. The browser's binding cookie keeps its own: the pending request, and those
        in other tabs, are bound to it and would be lost, and it gives no power by itself. Whoever planted or copied it
        before still lacks the new session secret, which the CSRF tokens of all later forms cover and without which
        nothing can be decided. Signing out ends it.
        """
        form, pending = await self._edge.posted(request, purpose=_PURPOSE)
        if only(form, "choice") == "cancel":
            return await self._cancel(request, pending)
        interaction = await self._edge.interaction(pending)
        tried = await try_password(self._edge, request, form, context=self._edge.context(request, interaction))
        if tried.problem:
            return await self._page(request, pending, interaction, tried)
        return go_on(self._edge, tried, Onward.to_request(pending.request_id))

    async def _cancel(self, request: web.Request, pending: PendingRequest) -> web.Response:
        decision = DecideAuthorizationRequest(
            request_id=pending.request_id, browser_secret=pending.browser_secret, decision=DECISION_DENY
        )
        return answer(self._edge, request, await self._edge.backends.authorization.DecideAuthorization(decision))

    async def _page(
        self,
        request: web.Request,
        pending: PendingRequest,
        interaction: GetInteractionResponse,
        tried: Tried,
    ) -> web.Response:
        """The page, with what is wrong about the form that came before.

        Always 200: a page with a form to fill in is a whole answer, and 401 would need a WWW-Authenticate challenge
        (RFC 9110 15.5.2) that a form is not.
        """
        client = ClientOnPage.of(interaction, self._edge.site)
        token = self._edge.form_token(
            request, purpose=_PURPOSE, subject=pending.request_id, browser_secret=pending.browser_secret
        )
        onward = Onward.to_request(pending.request_id)
        passkey = await passkey_offer(self._edge, request, onward, browser_secret=pending.browser_secret)
        return self._edge.pages.page(
            "sign_in",
            scripts=passkey is not None,
            passkey=passkey,
            form_action=("'self'", *redirect_sources(interaction.redirect_origin)),
            client=client,
            to="client",
            action=self._edge.site.path("/sign-in", request=pending.request_id),
            hidden={"request": pending.request_id, "csrf": token},
            tried=tried,
        )

"""AuthorizationService: authorization requests, their interactions, and logout requests."""

from collections.abc import Iterable, Sequence
from typing import Any

from latchkey.token.v1 import authorization_pb2
from latchkey.token.v1.authorization_pb2_grpc import AuthorizationServiceServicer
from libs.oauth.addresses import address_prefix
from libs.oauth.errors import InvalidRequest
from libs.oauth.parameters import Pair
from libs.oauth.reasons import Reason
from libs.oauth.response_types import ResponseMode
from libs.servicekit.base.clock import Clock
from services.token.domain.authorization.authorization_response import Next, SendBack
from services.token.domain.authorization.interaction import Step
from services.token.domain.authorization.interaction_page import InteractionPage
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.rpc.sessions import session_of
from services.token.usecases.authorization.authorize import Authorize
from services.token.usecases.authorization.deny_authorization import DenyAuthorization
from services.token.usecases.authorization.describe_interaction import DescribeInteraction
from services.token.usecases.authorization.resume_authorization import ResumeAuthorization
from services.token.usecases.clients.get_client_logo import GetClientLogo
from services.token.usecases.sessions.check_logout import CheckLogout

_MODES = {
    ResponseMode.QUERY: authorization_pb2.RESPONSE_MODE_QUERY,
    ResponseMode.FRAGMENT: authorization_pb2.RESPONSE_MODE_FRAGMENT,
    ResponseMode.FORM_POST: authorization_pb2.RESPONSE_MODE_FORM_POST,
}
_KINDS = {
    Step.SIGN_IN: authorization_pb2.INTERACTION_KIND_SIGN_IN,
    Step.STEP_UP: authorization_pb2.INTERACTION_KIND_STEP_UP,
    Step.CONSENT: authorization_pb2.INTERACTION_KIND_CONSENT,
    None: authorization_pb2.INTERACTION_KIND_RESUME,
}


class AuthorizationRpc(AuthorizationServiceServicer):
    def __init__(
        self,
        *,
        authorize: Authorize,
        resume: ResumeAuthorization,
        deny: DenyAuthorization,
        describe: DescribeInteraction,
        check_logout: CheckLogout,
        get_logo: GetClientLogo,
        attestation_keys: Sequence[bytes],
        clock: Clock,
    ) -> None:
        self._authorize = authorize
        self._resume = resume
        self._deny = deny
        self._describe = describe
        self._check_logout = check_logout
        self._get_logo = get_logo
        self._attestation_keys = attestation_keys
        self._clock = clock

    def _session(self, request: Any) -> AuthenticatedSession | None:
        return session_of(request, attestation_keys=self._attestation_keys, now=self._clock.now())

    async def Authorize(
        self, request: authorization_pb2.AuthorizeRequest, context: Any
    ) -> authorization_pb2.AuthorizeResponse:
        following = await self._authorize(
            pairs_of(request.parameters),
            browser_secret=request.browser_secret,
            session=self._session(request),
            defer=request.defer,
            network=address_prefix(request.remote_address),
        )
        return to_response(following)

    async def ResumeAuthorization(
        self, request: authorization_pb2.ResumeAuthorizationRequest, context: Any
    ) -> authorization_pb2.AuthorizeResponse:
        following = await self._resume(
            request.request_id, browser_secret=request.browser_secret, session=self._session(request)
        )
        return to_response(following)

    async def GetInteraction(
        self, request: authorization_pb2.GetInteractionRequest, context: Any
    ) -> authorization_pb2.GetInteractionResponse:
        page = await self._describe(request.request_id, browser_secret=request.browser_secret)
        return to_interaction(page)

    async def DecideAuthorization(
        self, request: authorization_pb2.DecideAuthorizationRequest, context: Any
    ) -> authorization_pb2.AuthorizeResponse:
        session = self._session(request)
        if request.decision == authorization_pb2.DECISION_ALLOW:
            following = await self._resume(
                request.request_id, browser_secret=request.browser_secret, session=session, allow=True
            )
        elif request.decision == authorization_pb2.DECISION_DENY:
            following = await self._deny(request.request_id, browser_secret=request.browser_secret, session=session)
        else:
            raise InvalidRequest("decision is missing.", reason=Reason.DECISION_MISSING, redirectable=False)
        return to_response(following)

    async def CheckLogout(
        self, request: authorization_pb2.CheckLogoutRequest, context: Any
    ) -> authorization_pb2.CheckLogoutResponse:
        decision = await self._check_logout(pairs_of(request.parameters), self._session(request))
        return authorization_pb2.CheckLogoutResponse(
            client_name=decision.client_name,
            redirect_uri=decision.redirect_uri,
            confirmed=decision.confirmed,
            frontchannel_logout_uris=decision.frontchannel_uris,
            self_registered=decision.self_registered,
        )

    async def GetClientLogo(
        self, request: authorization_pb2.GetClientLogoRequest, context: Any
    ) -> authorization_pb2.GetClientLogoResponse:
        logo = await self._get_logo(request.client_id)
        if logo is None:
            return authorization_pb2.GetClientLogoResponse()
        return authorization_pb2.GetClientLogoResponse(content=logo.content, content_type=logo.content_type)


def pairs_of(parameters: Iterable[authorization_pb2.Parameter]) -> list[Pair]:
    return [(parameter.name, parameter.value) for parameter in parameters]


def to_response(following: Next) -> authorization_pb2.AuthorizeResponse:
    if isinstance(following, SendBack):
        return authorization_pb2.AuthorizeResponse(
            response=authorization_pb2.AuthorizationResponse(
                redirect_uri=following.redirect_uri,
                mode=_MODES[following.mode],
                parameters=[
                    authorization_pb2.Parameter(name=name, value=value) for name, value in following.parameters
                ],
                session_state_client_id=following.session_state_client_id,
            )
        )
    return authorization_pb2.AuthorizeResponse(
        interaction=authorization_pb2.Interaction(request_id=following.request_id, kind=_KINDS[following.step])
    )


def to_interaction(page: InteractionPage) -> authorization_pb2.GetInteractionResponse:
    metadata = page.client.metadata
    return authorization_pb2.GetInteractionResponse(
        client_id=page.client.client_id,
        client_name=metadata.client_name or page.client.client_id,
        logo_uri=metadata.logo_uri,
        policy_uri=metadata.policy_uri,
        tos_uri=metadata.tos_uri,
        scopes=page.scopes,
        resources=page.resources,
        login_hint=page.login_hint,
        ui_locales=page.ui_locales,
        correlation_id=page.correlation_id,
        redirect_origin=page.redirect_origin,
        self_registered=page.client.registration is not None,
    )

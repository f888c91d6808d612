"""gRPC: each method decodes, runs one use case, encodes."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from latchkey.token.v1 import admin_pb2, authorization_pb2, consents_pb2
from latchkey.token.v1.admin_pb2_grpc import ClientAdminServiceServicer
from latchkey.token.v1.authorization_pb2_grpc import AuthorizationServiceServicer
from latchkey.token.v1.consents_pb2_grpc import ConsentServiceServicer
from libs.oauth.addresses import address_prefix
from libs.oauth.errors import AccessDenied, InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.token import convert
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.usecases.authorization.authorize import Authorize
from services.token.usecases.authorization.deny_authorization import DenyAuthorization
from services.token.usecases.authorization.describe_interaction import DescribeInteraction
from services.token.usecases.authorization.export_consents import ExportConsents
from services.token.usecases.authorization.list_connections import ListConnections
from services.token.usecases.authorization.resume_authorization import ResumeAuthorization
from services.token.usecases.authorization.withdraw_consent import WithdrawConsent
from services.token.usecases.clients.create_client import CreateClient
from services.token.usecases.clients.create_initial_access_token import CreateInitialAccessToken
from services.token.usecases.clients.delete_client import DeleteClient
from services.token.usecases.clients.find_clients import GetClient, ListClients
from services.token.usecases.clients.find_initial_access_tokens import ListInitialAccessTokens, RevokeInitialAccessToken
from services.token.usecases.clients.get_client_logo import GetClientLogo
from services.token.usecases.clients.rotate_client_secret import RotateClientSecret
from services.token.usecases.clients.update_client import UpdateClient
from services.token.usecases.sessions.check_logout import CheckLogout
from services.token.usecases.tokens.list_retired_key_uses import ListRetiredKeyUses


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
        return convert.session_of(request, attestation_keys=self._attestation_keys, now=self._clock.now())

    async def Authorize(
        self, request: authorization_pb2.AuthorizeRequest, context: Any
    ) -> authorization_pb2.AuthorizeResponse:
        following = await self._authorize(
            convert.pairs_of(request.parameters),
            browser_secret=request.browser_secret,
            session=self._session(request),
            defer=request.defer,
            network=address_prefix(request.remote_address),
        )
        return convert.to_response(following)

    async def ResumeAuthorization(
        self, request: authorization_pb2.ResumeAuthorizationRequest, context: Any
    ) -> authorization_pb2.AuthorizeResponse:
        following = await self._resume(
            request.request_id, browser_secret=request.browser_secret, session=self._session(request)
        )
        return convert.to_response(following)

    async def GetInteraction(
        self, request: authorization_pb2.GetInteractionRequest, context: Any
    ) -> authorization_pb2.GetInteractionResponse:
        page = await self._describe(request.request_id, browser_secret=request.browser_secret)
        return convert.to_interaction(page)

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
        return convert.to_response(following)

    async def CheckLogout(
        self, request: authorization_pb2.CheckLogoutRequest, context: Any
    ) -> authorization_pb2.CheckLogoutResponse:
        decision = await self._check_logout(convert.pairs_of(request.parameters), self._session(request))
        return authorization_pb2.CheckLogoutResponse(
            client_name=decision.client_name,
            redirect_uri=decision.redirect_uri,
            confirmed=decision.confirmed,
            frontchannel_logout_uris=decision.frontchannel_uris,
        )

    async def GetClientLogo(
        self, request: authorization_pb2.GetClientLogoRequest, context: Any
    ) -> authorization_pb2.GetClientLogoResponse:
        logo = await self._get_logo(request.client_id)
        if logo is None:
            return authorization_pb2.GetClientLogoResponse()
        return authorization_pb2.GetClientLogoResponse(content=logo.content, content_type=logo.content_type)


class ConsentRpc(ConsentServiceServicer):
    def __init__(
        self,
        *,
        list_connections: ListConnections,
        withdraw: WithdrawConsent,
        export: ExportConsents,
        attestation_keys: Sequence[bytes],
        clock: Clock,
    ) -> None:
        self._export = export
        self._list_connections = list_connections
        self._withdraw = withdraw
        self._attestation_keys = attestation_keys
        self._clock = clock

    def _user_id(self, request: Any) -> str:
        session = convert.session_of(request, attestation_keys=self._attestation_keys, now=self._clock.now())
        if session is None:
            raise AccessDenied("No active session.", reason=Reason.SESSION_MISSING, redirectable=False)
        return session.user_id

    async def ListConnections(
        self, request: consents_pb2.ListConnectionsRequest, context: Any
    ) -> consents_pb2.ListConnectionsResponse:
        found = await self._list_connections(self._user_id(request))
        return consents_pb2.ListConnectionsResponse(
            connections=[convert.to_connection(client, allowed) for client, allowed in found]
        )

    async def WithdrawConsent(
        self, request: consents_pb2.WithdrawConsentRequest, context: Any
    ) -> consents_pb2.WithdrawConsentResponse:
        await self._withdraw(self._user_id(request), request.client_id)
        return consents_pb2.WithdrawConsentResponse()

    async def ExportConsents(
        self, request: consents_pb2.ExportConsentsRequest, context: Any
    ) -> consents_pb2.ExportConsentsResponse:
        response = consents_pb2.ExportConsentsResponse()
        exported: Any = await self._export(self._user_id(request))
        response.consents.update(exported)
        return response


class ClientAdminRpc(ClientAdminServiceServicer):
    def __init__(
        self,
        *,
        create: CreateClient,
        get: GetClient,
        list_page: ListClients,
        update: UpdateClient,
        rotate_secret: RotateClientSecret,
        delete: DeleteClient,
        create_initial_token: CreateInitialAccessToken,
        list_initial_tokens: ListInitialAccessTokens,
        revoke_initial_token: RevokeInitialAccessToken,
        list_retired_key_uses: ListRetiredKeyUses,
    ) -> None:
        self._list_retired_key_uses = list_retired_key_uses
        self._create = create
        self._get = get
        self._list = list_page
        self._update = update
        self._rotate_secret = rotate_secret
        self._delete = delete
        self._create_initial_token = create_initial_token
        self._list_initial_tokens = list_initial_tokens
        self._revoke_initial_token = revoke_initial_token

    async def CreateClient(
        self, request: admin_pb2.CreateClientRequest, context: Any
    ) -> admin_pb2.CreateClientResponse:
        made = await self._create(convert.metadata_of(request.metadata))
        return admin_pb2.CreateClientResponse(client=convert.to_client(made.client), client_secret=made.secret)

    async def ListClients(self, request: admin_pb2.ListClientsRequest, context: Any) -> admin_pb2.ListClientsResponse:
        page = await self._list(size=request.page_size, after=convert.after_page_token(request.page_token))
        return admin_pb2.ListClientsResponse(
            clients=map(convert.to_client, page.clients),
            next_page_token=convert.page_token_of(page.clients[-1]) if page.more else "",
        )

    async def GetClient(self, request: admin_pb2.GetClientRequest, context: Any) -> admin_pb2.GetClientResponse:
        return admin_pb2.GetClientResponse(client=convert.to_client(await self._get(request.client_id)))

    async def UpdateClient(
        self, request: admin_pb2.UpdateClientRequest, context: Any
    ) -> admin_pb2.UpdateClientResponse:
        changed = await self._update(request.client_id, convert.metadata_of(request.metadata))
        return admin_pb2.UpdateClientResponse(client=convert.to_client(changed.client), client_secret=changed.secret)

    async def DeleteClient(
        self, request: admin_pb2.DeleteClientRequest, context: Any
    ) -> admin_pb2.DeleteClientResponse:
        await self._delete(request.client_id)
        return admin_pb2.DeleteClientResponse()

    async def RotateClientSecret(
        self, request: admin_pb2.RotateClientSecretRequest, context: Any
    ) -> admin_pb2.RotateClientSecretResponse:
        rotated = await self._rotate_secret(request.client_id, overlap=timedelta(seconds=request.overlap_seconds))
        return admin_pb2.RotateClientSecretResponse(client_secret=rotated.secret)

    async def CreateInitialAccessToken(
        self, request: admin_pb2.CreateInitialAccessTokenRequest, context: Any
    ) -> admin_pb2.CreateInitialAccessTokenResponse:
        made = await self._create_initial_token(uses=request.uses, life=timedelta(seconds=request.lifetime_seconds))
        return admin_pb2.CreateInitialAccessTokenResponse(
            initial_access_token=convert.to_initial_access_token(made.record), token=made.token
        )

    async def ListInitialAccessTokens(
        self, request: admin_pb2.ListInitialAccessTokensRequest, context: Any
    ) -> admin_pb2.ListInitialAccessTokensResponse:
        found = await self._list_initial_tokens()
        return admin_pb2.ListInitialAccessTokensResponse(
            initial_access_tokens=map(convert.to_initial_access_token, found)
        )

    async def RevokeInitialAccessToken(
        self, request: admin_pb2.RevokeInitialAccessTokenRequest, context: Any
    ) -> admin_pb2.RevokeInitialAccessTokenResponse:
        await self._revoke_initial_token(request.token_id)
        return admin_pb2.RevokeInitialAccessTokenResponse()

    async def ListFormerKeyUses(
        self, request: admin_pb2.ListFormerKeyUsesRequest, context: Any
    ) -> admin_pb2.ListFormerKeyUsesResponse:
        found = await self._list_retired_key_uses()
        return admin_pb2.ListFormerKeyUsesResponse(uses=map(convert.to_former_key_use, found))

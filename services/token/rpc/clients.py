"""ClientAdminService: clients, initial access tokens and uses of retired keys, for operators."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct

from latchkey.token.v1 import admin_pb2
from latchkey.token.v1.admin_pb2_grpc import ClientAdminServiceServicer
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.grpc.timestamps import to_timestamp
from services.token.domain.clients.client import Client
from services.token.domain.clients.registrations import InitialAccessToken
from services.token.domain.tokens.retired_keys import RetiredKeyUse
from services.token.usecases.clients.create_client import CreateClient
from services.token.usecases.clients.create_initial_access_token import CreateInitialAccessToken
from services.token.usecases.clients.delete_client import DeleteClient
from services.token.usecases.clients.find_clients import GetClient, ListClients
from services.token.usecases.clients.find_initial_access_tokens import ListInitialAccessTokens, RevokeInitialAccessToken
from services.token.usecases.clients.rotate_client_secret import RotateClientSecret
from services.token.usecases.clients.update_client import UpdateClient
from services.token.usecases.tokens.list_retired_key_uses import ListRetiredKeyUses


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
        made = await self._create(metadata_of(request.metadata))
        return admin_pb2.CreateClientResponse(client=to_client(made.client), client_secret=made.secret)

    async def ListClients(self, request: admin_pb2.ListClientsRequest, context: Any) -> admin_pb2.ListClientsResponse:
        page = await self._list(size=request.page_size, after=after_page_token(request.page_token))
        return admin_pb2.ListClientsResponse(
            clients=map(to_client, page.clients),
            next_page_token=page_token_of(page.clients[-1]) if page.more else "",
        )

    async def GetClient(self, request: admin_pb2.GetClientRequest, context: Any) -> admin_pb2.GetClientResponse:
        return admin_pb2.GetClientResponse(client=to_client(await self._get(request.client_id)))

    async def UpdateClient(
        self, request: admin_pb2.UpdateClientRequest, context: Any
    ) -> admin_pb2.UpdateClientResponse:
        changed = await self._update(request.client_id, metadata_of(request.metadata))
        return admin_pb2.UpdateClientResponse(client=to_client(changed.client), client_secret=changed.secret)

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
            initial_access_token=to_initial_access_token(made.record), token=made.token
        )

    async def ListInitialAccessTokens(
        self, request: admin_pb2.ListInitialAccessTokensRequest, context: Any
    ) -> admin_pb2.ListInitialAccessTokensResponse:
        found = await self._list_initial_tokens()
        return admin_pb2.ListInitialAccessTokensResponse(initial_access_tokens=map(to_initial_access_token, found))

    async def RevokeInitialAccessToken(
        self, request: admin_pb2.RevokeInitialAccessTokenRequest, context: Any
    ) -> admin_pb2.RevokeInitialAccessTokenResponse:
        await self._revoke_initial_token(request.token_id)
        return admin_pb2.RevokeInitialAccessTokenResponse()

    async def ListFormerKeyUses(
        self, request: admin_pb2.ListFormerKeyUsesRequest, context: Any
    ) -> admin_pb2.ListFormerKeyUsesResponse:
        found = await self._list_retired_key_uses()
        return admin_pb2.ListFormerKeyUsesResponse(uses=map(to_former_key_use, found))


def to_client(client: Client) -> admin_pb2.Client:
    return admin_pb2.Client(
        client_id=client.client_id,
        metadata=ParseDict(client.metadata.to_json(), Struct()),
        created_at=to_timestamp(client.created_at),
        updated_at=to_timestamp(client.updated_at),
        registration_expires_at=to_timestamp(client.registration.expires_at) if client.registration else None,
    )


def to_initial_access_token(token: InitialAccessToken) -> admin_pb2.InitialAccessToken:
    return admin_pb2.InitialAccessToken(
        token_id=token.token_id,
        uses_left=token.uses_left,
        created_at=to_timestamp(token.created_at),
        expires_at=to_timestamp(token.expires_at),
    )


def to_former_key_use(use: RetiredKeyUse) -> admin_pb2.FormerKeyUse:
    return admin_pb2.FormerKeyUse(
        client_id=use.client_id,
        kid=use.kid,
        presented_as=use.presented_as.value,
        count=use.count,
        first_at=to_timestamp(use.first_at),
        last_at=to_timestamp(use.last_at),
    )


def metadata_of(struct: Struct) -> dict[str, Any]:
    """Members as JSON has them; null stays null."""
    return MessageToDict(struct)


def page_token_of(client: Client) -> str:
    text = f"{client.created_at.isoformat()} {client.client_id}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def after_page_token(token: str) -> tuple[datetime, str] | None:
    """Raises InvalidRequest for a token that this service did not make."""
    if not token:
        return None
    try:
        created_at, client_id = base64.urlsafe_b64decode(token.encode()).decode("ascii").split(" ")
        return datetime.fromisoformat(created_at).astimezone(UTC), client_id
    except (ValueError, OverflowError):
        raise InvalidRequest("page_token is malformed.", reason=Reason.PAGE_TOKEN_MALFORMED) from None

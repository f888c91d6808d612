"""ConsentService: the applications that a user has given consent to."""

from collections.abc import Sequence
from typing import Any

from latchkey.token.v1 import consents_pb2
from latchkey.token.v1.consents_pb2_grpc import ConsentServiceServicer
from libs.oauth.errors import AccessDenied
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from libs.servicekit.grpc.timestamps import to_timestamp
from services.token.domain.authorization.connections import ConsentRecord
from services.token.domain.clients.client import Client
from services.token.rpc.sessions import session_of
from services.token.usecases.authorization.export_consents import ExportConsents
from services.token.usecases.authorization.list_connections import ListConnections
from services.token.usecases.authorization.withdraw_consent import WithdrawConsent


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
        session = session_of(request, attestation_keys=self._attestation_keys, now=self._clock.now())
        if session is None:
            raise AccessDenied("No active session.", reason=Reason.SESSION_MISSING, redirectable=False)
        return session.user_id

    async def ListConnections(
        self, request: consents_pb2.ListConnectionsRequest, context: Any
    ) -> consents_pb2.ListConnectionsResponse:
        found = await self._list_connections(self._user_id(request))
        return consents_pb2.ListConnectionsResponse(
            connections=[to_connection(client, allowed) for client, allowed in found]
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


def to_connection(client: Client, allowed: ConsentRecord) -> consents_pb2.Connection:
    return consents_pb2.Connection(
        client_id=client.client_id,
        client_name=client.metadata.client_name or client.client_id,
        logo_uri=client.metadata.logo_uri,
        scopes=allowed.scopes,
        resources=allowed.resources,
        allowed_at=to_timestamp(allowed.at),
        self_registered=client.registration is not None,
    )

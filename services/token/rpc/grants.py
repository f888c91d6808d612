"""GrantAdminService: the grants of users, for operators."""

from typing import Any

from latchkey.token.v1 import admin_pb2
from latchkey.token.v1.admin_pb2_grpc import GrantAdminServiceServicer
from libs.servicekit.grpc.timestamps import to_timestamp
from services.token.usecases.tokens.user_grants import ListedGrant, ListUserGrants, RevokeUserGrants


class GrantAdminRpc(GrantAdminServiceServicer):
    def __init__(self, *, list_grants: ListUserGrants, revoke_grants: RevokeUserGrants) -> None:
        self._list_grants = list_grants
        self._revoke_grants = revoke_grants

    async def ListGrants(self, request: admin_pb2.ListGrantsRequest, context: Any) -> admin_pb2.ListGrantsResponse:
        return admin_pb2.ListGrantsResponse(grants=map(to_grant, await self._list_grants(request.user_id)))

    async def RevokeGrants(
        self, request: admin_pb2.RevokeGrantsRequest, context: Any
    ) -> admin_pb2.RevokeGrantsResponse:
        revoked = await self._revoke_grants(request.user_id, client_id=request.client_id)
        return admin_pb2.RevokeGrantsResponse(revoked=revoked)


def to_grant(listed: ListedGrant) -> admin_pb2.Grant:
    grant = listed.grant
    return admin_pb2.Grant(
        grant_id=grant.grant_id,
        client_id=grant.client_id,
        client_name=listed.client_name,
        scopes=grant.scopes,
        resources=grant.resources,
        offline=grant.offline,
        session_id=grant.session_id,
        created_at=to_timestamp(grant.created_at),
        expires_at=to_timestamp(listed.expires_at),
    )

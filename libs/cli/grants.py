"""The grants of users (GrantAdminService in protos/latchkey/token/v1/admin.proto)."""

from collections.abc import Sequence
from typing import Any

from latchkey.token.v1 import admin_pb2
from latchkey.token.v1.admin_pb2_grpc import GrantAdminServiceStub
from libs.cli.admin import service, when
from libs.cli.connection import Connection

_SERVICE = "token"


def as_json(grant: admin_pb2.Grant) -> dict[str, Any]:
    return {
        "grant_id": grant.grant_id,
        "client_id": grant.client_id,
        "client_name": grant.client_name,
        "scopes": list(grant.scopes),
        "resources": list(grant.resources),
        "offline": grant.offline,
        "session_id": grant.session_id,
        "created_at": when(grant.created_at).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "expires_at": when(grant.expires_at).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


async def of_user(found: Connection, user_id: str) -> Sequence[admin_pb2.Grant]:
    async with service(_SERVICE, found) as channel:
        answer = await GrantAdminServiceStub(channel).ListGrants(admin_pb2.ListGrantsRequest(user_id=user_id))
        return answer.grants


async def revoke(found: Connection, user_id: str, *, client_id: str) -> int:
    """Revokes the grants of a user to one client, or to all if `client_id` is empty. Returns how many."""
    async with service(_SERVICE, found) as channel:
        request = admin_pb2.RevokeGrantsRequest(user_id=user_id, client_id=client_id)
        answer = await GrantAdminServiceStub(channel).RevokeGrants(request)
        return answer.revoked

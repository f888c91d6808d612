"""Initial access tokens: calls to the token service (protos/latchkey/token/v1/admin.proto)."""

from datetime import timedelta
from typing import Any

from latchkey.token.v1 import admin_pb2
from latchkey.token.v1.admin_pb2_grpc import ClientAdminServiceStub
from libs.cli.admin import service, when
from libs.cli.connection import Connection

_SERVICE = "token"


def as_json(record: admin_pb2.InitialAccessToken) -> dict[str, Any]:
    return {
        "token_id": record.token_id,
        "uses_left": record.uses_left,
        "created_at": _moment(record.created_at),
        "expires_at": _moment(record.expires_at),
    }


async def create(found: Connection, uses: int, life: timedelta) -> tuple[admin_pb2.InitialAccessToken, str]:
    """Returns the record and the token itself."""
    async with service(_SERVICE, found) as channel:
        request = admin_pb2.CreateInitialAccessTokenRequest(uses=uses, lifetime_seconds=int(life.total_seconds()))
        answer = await ClientAdminServiceStub(channel).CreateInitialAccessToken(request)
        return answer.initial_access_token, answer.token


async def every(found: Connection) -> list[admin_pb2.InitialAccessToken]:
    """The valid tokens, latest first."""
    async with service(_SERVICE, found) as channel:
        request = admin_pb2.ListInitialAccessTokensRequest()
        answer = await ClientAdminServiceStub(channel).ListInitialAccessTokens(request)
        return list(answer.initial_access_tokens)


async def revoke(found: Connection, token_id: str) -> None:
    async with service(_SERVICE, found) as channel:
        request = admin_pb2.RevokeInitialAccessTokenRequest(token_id=token_id)
        await ClientAdminServiceStub(channel).RevokeInitialAccessToken(request)


def _moment(timestamp: Any) -> str:
    return when(timestamp).isoformat(timespec="seconds").replace("+00:00", "Z")

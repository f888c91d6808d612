"""Initial access tokens for dynamic client registration."""

from latchkey.token.v1 import admin_pb2
from latchkey.token.v1.admin_pb2_grpc import ClientAdminServiceStub
from tests.support.stack import Stack


async def initial_token(system: Stack, *, uses: int = 1) -> str:
    """Creates an initial access token (RFC 7591, 1.2) that is valid for a minute."""
    async with system.channel("token") as channel:
        request = admin_pb2.CreateInitialAccessTokenRequest(uses=uses, lifetime_seconds=60)
        return (await ClientAdminServiceStub(channel).CreateInitialAccessToken(request)).token

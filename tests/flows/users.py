"""Users for a single test, independent of the demo users that other tests share."""

import secrets

from latchkey.authentication.v1 import admin_pb2
from latchkey.authentication.v1.admin_pb2_grpc import UserAdminServiceStub
from tests.support.stack import Stack


async def new_user(system: Stack) -> tuple[str, str]:
    """Creates a user whose password is the username and `-password`; returns (username, user id)."""
    username = f"user-{secrets.token_hex(6)}"
    request = admin_pb2.CreateUserRequest(username=username, password=f"{username}-password")
    request.claims.update({"name": "A User", "email": f"{username}@example.com"})
    async with system.channel("authentication") as channel:
        made = await UserAdminServiceStub(channel).CreateUser(request)
    return username, made.user.user_id

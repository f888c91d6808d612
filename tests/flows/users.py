"""People of a test's own: what happens to them is not mixed with what other tests do as Alice."""

import secrets

from latchkey.authentication.v1 import admin_pb2
from latchkey.authentication.v1.admin_pb2_grpc import UserAdminServiceStub
from tests.support.stack import Stack


async def new_user(system: Stack) -> tuple[str, str]:
    """(username, user id) of somebody new, whose password is the username and `-password`."""
    username = f"person-{secrets.token_hex(6)}"
    request = admin_pb2.CreateUserRequest(username=username, password=f"{username}-password")
    request.claims.update({"name": "A Person", "email": f"{username}@example.com"})
    async with system.channel("authentication") as channel:
        made = await UserAdminServiceStub(channel).CreateUser(request)
    return username, made.user.user_id

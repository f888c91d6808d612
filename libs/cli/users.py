"""The user administration of the authentication service (protos/latchkey/authentication/v1/admin.proto)."""

from typing import Any

from latchkey.authentication.v1 import admin_pb2
from latchkey.authentication.v1.accounts_pb2 import AccountState
from latchkey.authentication.v1.admin_pb2_grpc import UserAdminServiceStub
from libs.cli.admin import PAGE_SIZE, all_pages, from_struct, service, to_struct, when
from libs.cli.connection import Connection

_SERVICE = "authentication"


def as_json(user: admin_pb2.User) -> dict[str, Any]:
    return {
        "user_id": user.user_id,
        "username": user.username,
        "state": AccountState.Name(user.state).removeprefix("ACCOUNT_STATE_").lower(),
        "created_at": when(user.created_at).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "claims": from_struct(user.claims),
    }


async def create(found: Connection, username: str, password: str, claims: dict[str, Any]) -> admin_pb2.User:
    async with service(_SERVICE, found) as channel:
        request = admin_pb2.CreateUserRequest(username=username, password=password, claims=to_struct(claims))
        answer = await UserAdminServiceStub(channel).CreateUser(request)
        return answer.user


async def invite(found: Connection, username: str, claims: dict[str, Any], *, language: str) -> admin_pb2.User:
    async with service(_SERVICE, found) as channel:
        request = admin_pb2.InviteUserRequest(username=username, claims=to_struct(claims), locale=language)
        answer = await UserAdminServiceStub(channel).InviteUser(request)
        return answer.user


async def every(found: Connection) -> list[admin_pb2.User]:
    """List all users, oldest first."""
    async with service(_SERVICE, found) as channel:
        stub = UserAdminServiceStub(channel)

        async def page(token: str) -> tuple[list[admin_pb2.User], str]:
            answer = await stub.ListUsers(admin_pb2.ListUsersRequest(page_size=PAGE_SIZE, page_token=token))
            return list(answer.users), answer.next_page_token

        return await all_pages(page)


async def get(found: Connection, username: str) -> admin_pb2.User:
    async with service(_SERVICE, found) as channel:
        answer = await UserAdminServiceStub(channel).GetUser(admin_pb2.GetUserRequest(username=username))
        return answer.user


async def update(found: Connection, username: str, claims: dict[str, Any]) -> admin_pb2.User:
    """Changes claims; None removes a claim."""
    async with service(_SERVICE, found) as channel:
        request = admin_pb2.UpdateUserRequest(username=username, claims=to_struct(claims))
        answer = await UserAdminServiceStub(channel).UpdateUser(request)
        return answer.user


async def set_password(found: Connection, username: str, password: str) -> None:
    async with service(_SERVICE, found) as channel:
        request = admin_pb2.SetPasswordRequest(username=username, password=password)
        await UserAdminServiceStub(channel).SetPassword(request)


async def disable(found: Connection, username: str) -> admin_pb2.User:
    async with service(_SERVICE, found) as channel:
        answer = await UserAdminServiceStub(channel).DisableUser(admin_pb2.DisableUserRequest(username=username))
        return answer.user


async def reset_factors(found: Connection, username: str) -> int:
    """Returns how many second factors were removed."""
    async with service(_SERVICE, found) as channel:
        answer = await UserAdminServiceStub(channel).ResetFactors(admin_pb2.ResetFactorsRequest(username=username))
        return answer.removed

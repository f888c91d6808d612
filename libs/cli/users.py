"""The user administration of the authentication service (protos/latchkey/authentication/v1/admin.proto)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from latchkey.authentication.v1 import admin_pb2
from latchkey.authentication.v1.accounts_pb2 import AccountState
from latchkey.authentication.v1.admin_pb2_grpc import UserAdminServiceStub
from libs.cli.admin import PAGE_SIZE, from_struct, service, to_struct, when
from libs.cli.connection import Connection

_SERVICE = "authentication"
_STATES = {"active": AccountState.ACCOUNT_STATE_ACTIVE, "disabled": AccountState.ACCOUNT_STATE_DISABLED}
_ORDERS = {"created": admin_pb2.USER_ORDER_UNSPECIFIED, "username": admin_pb2.USER_ORDER_USERNAME}


def as_json(user: admin_pb2.User) -> dict[str, Any]:
    return {
        "user_id": user.user_id,
        "username": user.username,
        "email": from_struct(user.claims).get("email", ""),
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


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Which users to list. `limit`: None lists all."""

    query: str = ""
    email: str = ""
    state: str | None = None
    order: str = "created"
    limit: int | None = None
    page: str = ""


async def find(found: Connection, listing: Listing) -> tuple[list[admin_pb2.User], str]:
    """Lists users, page by page. Returns them with the token of the next page, which is empty after the last user."""
    users: list[admin_pb2.User] = []
    token = listing.page
    async with service(_SERVICE, found) as channel:
        stub = UserAdminServiceStub(channel)
        while True:
            size = PAGE_SIZE if listing.limit is None else min(PAGE_SIZE, listing.limit - len(users))
            answer = await stub.ListUsers(
                admin_pb2.ListUsersRequest(
                    page_size=size,
                    page_token=token,
                    query=listing.query,
                    email=listing.email,
                    state=_STATES.get(listing.state or "", AccountState.ACCOUNT_STATE_UNSPECIFIED),
                    order=_ORDERS[listing.order],
                )
            )
            users += answer.users
            token = answer.next_page_token
            if not token or (listing.limit is not None and len(users) >= listing.limit):
                return users, token


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


async def enable(found: Connection, who: str) -> admin_pb2.User:
    async with service(_SERVICE, found) as channel:
        answer = await UserAdminServiceStub(channel).EnableUser(admin_pb2.EnableUserRequest(username=who))
        return answer.user


async def delete(found: Connection, who: str) -> str:
    """Returns the user id."""
    async with service(_SERVICE, found) as channel:
        answer = await UserAdminServiceStub(channel).DeleteUser(admin_pb2.DeleteUserRequest(username=who))
        return answer.user_id


async def sessions(found: Connection, who: str) -> admin_pb2.ListUserSessionsResponse:
    async with service(_SERVICE, found) as channel:
        return await UserAdminServiceStub(channel).ListUserSessions(admin_pb2.ListUserSessionsRequest(username=who))


async def end_sessions(found: Connection, who: str, session_ids: Sequence[str]) -> admin_pb2.EndUserSessionsResponse:
    """Ends these sessions; without ids, all."""
    async with service(_SERVICE, found) as channel:
        request = admin_pb2.EndUserSessionsRequest(username=who, session_ids=session_ids)
        return await UserAdminServiceStub(channel).EndUserSessions(request)


async def send_reset(found: Connection, who: str, *, language: str) -> None:
    async with service(_SERVICE, found) as channel:
        request = admin_pb2.SendPasswordResetRequest(username=who, locale=language)
        await UserAdminServiceStub(channel).SendPasswordReset(request)

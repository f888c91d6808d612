"""UserAdminService: the administration of users by operators."""

from typing import Any, TypeAlias

import grpc

from latchkey.authentication.v1 import (
    admin_pb2,
    admin_pb2_grpc,
)
from libs.servicekit.grpc import identity
from libs.servicekit.grpc.timestamps import to_timestamp
from services.authentication.domain.accounts.account import Account
from services.authentication.domain.accounts.user_filter import UserOrder
from services.authentication.rpc.accounts import state_of, to_state
from services.authentication.rpc.messages import claims_of, locale_of, to_struct
from services.authentication.rpc.sessions import to_listed_session
from services.authentication.usecases.accounts.create_user import CreateUser, NewUser
from services.authentication.usecases.accounts.delete_user import DeleteUser
from services.authentication.usecases.accounts.disable_user import DisableUser
from services.authentication.usecases.accounts.enable_user import EnableUser
from services.authentication.usecases.accounts.import_user import ImportedUser, ImportOutcome, ImportUser
from services.authentication.usecases.accounts.invite_user import Invitation, InviteUser
from services.authentication.usecases.accounts.list_users import ListUsers, UserQuery
from services.authentication.usecases.accounts.profile import FindUser, UpdateUser
from services.authentication.usecases.accounts.send_password_reset import SendPasswordReset
from services.authentication.usecases.accounts.set_password import SetPassword
from services.authentication.usecases.factors.reset_factors import ResetFactors
from services.authentication.usecases.sessions.user_sessions import EndUserSessions, ListUserSessions

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


_ORDERS = {
    admin_pb2.USER_ORDER_UNSPECIFIED: UserOrder.CREATED,
    admin_pb2.USER_ORDER_USERNAME: UserOrder.USERNAME,
}


_OUTCOMES = {
    ImportOutcome.CREATED: admin_pb2.IMPORT_OUTCOME_CREATED,
    ImportOutcome.UPDATED: admin_pb2.IMPORT_OUTCOME_UPDATED,
    ImportOutcome.UNCHANGED: admin_pb2.IMPORT_OUTCOME_UNCHANGED,
}


class UserAdminRpc(admin_pb2_grpc.UserAdminServiceServicer):
    def __init__(
        self,
        *,
        create_user: CreateUser,
        import_user: ImportUser,
        invite_user: InviteUser,
        list_users: ListUsers,
        set_password: SetPassword,
        disable_user: DisableUser,
        enable_user: EnableUser,
        delete_user: DeleteUser,
        send_password_reset: SendPasswordReset,
        list_user_sessions: ListUserSessions,
        end_user_sessions: EndUserSessions,
        reset_factors: ResetFactors,
        find_user: FindUser,
        update_user: UpdateUser,
    ) -> None:
        self._import_user = import_user
        self._invite_user = invite_user
        self._find_user = find_user
        self._update_user = update_user
        self._reset_factors = reset_factors
        self._create_user = create_user
        self._list_users = list_users
        self._set_password = set_password
        self._disable_user = disable_user
        self._enable_user = enable_user
        self._delete_user = delete_user
        self._send_password_reset = send_password_reset
        self._list_user_sessions = list_user_sessions
        self._end_user_sessions = end_user_sessions

    async def CreateUser(self, request: admin_pb2.CreateUserRequest, context: _Context) -> admin_pb2.CreateUserResponse:
        asked = NewUser(username=request.username, password=request.password, claims=claims_of(request.claims))
        account = await self._create_user(asked, operator=_caller(context))
        return admin_pb2.CreateUserResponse(user=to_user(account))

    async def ImportUser(self, request: admin_pb2.ImportUserRequest, context: _Context) -> admin_pb2.ImportUserResponse:
        asked = ImportedUser(
            username=request.username,
            password_hash=request.password_hash,
            claims=claims_of(request.claims),
            dry_run=request.dry_run,
            user_id=request.user_id,
            update=request.update,
        )
        imported = await self._import_user(asked, operator=_caller(context))
        return admin_pb2.ImportUserResponse(user=to_user(imported.account), outcome=_OUTCOMES[imported.outcome])

    async def InviteUser(self, request: admin_pb2.InviteUserRequest, context: _Context) -> admin_pb2.InviteUserResponse:
        asked = Invitation(request.username, claims_of(request.claims), locale_of(request.locale))
        account = await self._invite_user(asked, operator=_caller(context))
        return admin_pb2.InviteUserResponse(user=to_user(account))

    async def ListUsers(self, request: admin_pb2.ListUsersRequest, context: _Context) -> admin_pb2.ListUsersResponse:
        page = await self._list_users(
            UserQuery(
                size=request.page_size,
                token=request.page_token,
                query=request.query,
                email=request.email,
                state=state_of(request.state),
                order=_ORDERS.get(request.order, UserOrder.CREATED),
            )
        )
        return admin_pb2.ListUsersResponse(
            users=[to_user(account) for account in page.accounts], next_page_token=page.next_token
        )

    async def GetUser(self, request: admin_pb2.GetUserRequest, context: _Context) -> admin_pb2.GetUserResponse:
        return admin_pb2.GetUserResponse(user=to_user(await self._find_user(request.username)))

    async def UpdateUser(self, request: admin_pb2.UpdateUserRequest, context: _Context) -> admin_pb2.UpdateUserResponse:
        claims = claims_of(request.claims)
        account = await self._update_user(request.username, claims, operator=_caller(context))
        return admin_pb2.UpdateUserResponse(user=to_user(account))

    async def SetPassword(
        self, request: admin_pb2.SetPasswordRequest, context: _Context
    ) -> admin_pb2.SetPasswordResponse:
        await self._set_password(request.username, request.password, operator=_caller(context))
        return admin_pb2.SetPasswordResponse()

    async def DisableUser(
        self, request: admin_pb2.DisableUserRequest, context: _Context
    ) -> admin_pb2.DisableUserResponse:
        account = await self._disable_user(request.username, operator=_caller(context))
        return admin_pb2.DisableUserResponse(user=to_user(account))

    async def EnableUser(self, request: admin_pb2.EnableUserRequest, context: _Context) -> admin_pb2.EnableUserResponse:
        account = await self._enable_user(request.username, operator=_caller(context))
        return admin_pb2.EnableUserResponse(user=to_user(account))

    async def DeleteUser(self, request: admin_pb2.DeleteUserRequest, context: _Context) -> admin_pb2.DeleteUserResponse:
        user_id = await self._delete_user(request.username, operator=_caller(context))
        return admin_pb2.DeleteUserResponse(user_id=user_id)

    async def ListUserSessions(
        self, request: admin_pb2.ListUserSessionsRequest, context: _Context
    ) -> admin_pb2.ListUserSessionsResponse:
        found = await self._list_user_sessions(request.username)
        return admin_pb2.ListUserSessionsResponse(
            user_id=found.user_id, sessions=[to_listed_session(each) for each in found.sessions]
        )

    async def EndUserSessions(
        self, request: admin_pb2.EndUserSessionsRequest, context: _Context
    ) -> admin_pb2.EndUserSessionsResponse:
        ended = await self._end_user_sessions(request.username, request.session_ids, operator=_caller(context))
        return admin_pb2.EndUserSessionsResponse(user_id=ended.user_id, session_ids=ended.session_ids)

    async def SendPasswordReset(
        self, request: admin_pb2.SendPasswordResetRequest, context: _Context
    ) -> admin_pb2.SendPasswordResetResponse:
        await self._send_password_reset(request.username, locale=locale_of(request.locale))
        return admin_pb2.SendPasswordResetResponse()

    async def ResetFactors(
        self, request: admin_pb2.ResetFactorsRequest, context: _Context
    ) -> admin_pb2.ResetFactorsResponse:
        removed = await self._reset_factors(request.username, operator=_caller(context))
        return admin_pb2.ResetFactorsResponse(removed=removed)


def to_user(account: Account) -> admin_pb2.User:
    return admin_pb2.User(
        user_id=account.id,
        username=account.username,
        state=to_state(account.state),
        created_at=to_timestamp(account.created_at),
        claims=to_struct(account.stored_claims()),
    )


def _caller(context: _Context) -> str:
    """Return the authenticated identity of the calling service."""
    return identity.of_peer(context.auth_context()) or ""

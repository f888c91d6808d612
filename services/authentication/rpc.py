"""The gRPC methods: decode, one use case, encode. Who may call them stands in the contract."""

from typing import Any, TypeAlias

import grpc

from latchkey.authentication.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    admin_pb2,
    admin_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
)
from libs.oauth.errors import AccessDenied
from libs.oauth.reasons import Reason
from libs.servicekit.grpc import identity
from services.authentication import convert
from services.authentication.usecases.accounts.change_password import ChangePassword
from services.authentication.usecases.accounts.create_user import CreateUser, NewUser
from services.authentication.usecases.accounts.disable_user import DisableUser
from services.authentication.usecases.accounts.get_account import GetAccount
from services.authentication.usecases.accounts.import_user import ImportedUser, ImportUser
from services.authentication.usecases.accounts.invite_user import Invitation, InviteUser
from services.authentication.usecases.accounts.list_users import ListUsers
from services.authentication.usecases.accounts.profile import FindUser, UpdateUser
from services.authentication.usecases.accounts.set_password import SetPassword
from services.authentication.usecases.factors.reset_factors import ResetFactors
from services.authentication.usecases.sessions.end_session import EndSession
from services.authentication.usecases.sessions.get_session import GetSession
from services.authentication.usecases.sessions.own_sessions import EndOwnSessions, ListSessions
from services.authentication.usecases.sign_in.sign_in import Attempt, SecondStep, SignIn

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class Sessions(sessions_pb2_grpc.SessionServiceServicer):
    def __init__(
        self,
        *,
        sign_in: SignIn,
        get_session: GetSession,
        end_session: EndSession,
        list_sessions: ListSessions,
        end_own_sessions: EndOwnSessions,
        change_password: ChangePassword,
        attestation_key: bytes,
    ) -> None:
        self._list_sessions = list_sessions
        self._end_own_sessions = end_own_sessions
        self._change_password = change_password
        self._sign_in = sign_in
        self._get_session = get_session
        self._end_session = end_session
        self._attestation_key = attestation_key

    async def SignIn(self, request: sessions_pb2.SignInRequest, context: _Context) -> sessions_pb2.SignInResponse:
        signed_in = await self._sign_in(
            Attempt(
                username=request.username,
                password=request.password,
                session_secret=request.session_secret,
                origin=convert.origin(request.context),
            )
        )
        if isinstance(signed_in, SecondStep):
            return sessions_pb2.SignInResponse(attempt_secret=signed_in.attempt_secret)
        return sessions_pb2.SignInResponse(
            session_secret=signed_in.session_secret, session=convert.session_message(signed_in.session)
        )

    async def GetSession(
        self, request: sessions_pb2.GetSessionRequest, context: _Context
    ) -> sessions_pb2.GetSessionResponse:
        live = await self._get_session(request.session_secret)
        return convert.live_session(live, attestation_key=self._attestation_key)

    async def EndSession(
        self, request: sessions_pb2.EndSessionRequest, context: _Context
    ) -> sessions_pb2.EndSessionResponse:
        ended = await self._end_session(request.session_secret, origin=convert.origin(request.context))
        return sessions_pb2.EndSessionResponse(session_id=ended or "")

    async def ListSessions(
        self, request: sessions_pb2.ListSessionsRequest, context: _Context
    ) -> sessions_pb2.ListSessionsResponse:
        return convert.own_sessions(await self._list_sessions(request.session_secret))

    async def EndOwnSessions(
        self, request: sessions_pb2.EndOwnSessionsRequest, context: _Context
    ) -> sessions_pb2.EndOwnSessionsResponse:
        ended = await self._end_own_sessions(request.session_secret, request.session_id or None)
        return sessions_pb2.EndOwnSessionsResponse(ended=ended)

    async def ChangePassword(
        self, request: sessions_pb2.ChangePasswordRequest, context: _Context
    ) -> sessions_pb2.ChangePasswordResponse:
        await self._change_password(
            request.session_secret,
            request.current_password,
            request.new_password,
            origin=convert.origin(request.context),
        )
        return sessions_pb2.ChangePasswordResponse()


class Accounts(accounts_pb2_grpc.AccountServiceServicer):
    def __init__(self, *, get_account: GetAccount, sign_in: SignIn) -> None:
        self._get_account = get_account
        self._sign_in = sign_in

    async def GetAccount(
        self, request: accounts_pb2.GetAccountRequest, context: _Context
    ) -> accounts_pb2.GetAccountResponse:
        answer = await self._get_account(
            request.user_id, session_id=request.session_id, claims=frozenset(request.claims)
        )
        return convert.account_response(answer)

    async def SignInThroughClient(
        self, request: accounts_pb2.SignInThroughClientRequest, context: _Context
    ) -> accounts_pb2.SignInThroughClientResponse:
        attempt = Attempt(
            request.username, request.password, origin=convert.origin(request.context), through_client=True
        )
        signed_in = await self._sign_in(attempt)
        if isinstance(signed_in, SecondStep):  # never: through a client there is none
            raise AccessDenied(reason=Reason.SECOND_FACTOR_REQUIRED, redirectable=False)
        return accounts_pb2.SignInThroughClientResponse(session=convert.session_message(signed_in.session))


class UserAdmin(admin_pb2_grpc.UserAdminServiceServicer):
    def __init__(
        self,
        *,
        create_user: CreateUser,
        import_user: ImportUser,
        invite_user: InviteUser,
        list_users: ListUsers,
        set_password: SetPassword,
        disable_user: DisableUser,
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

    async def CreateUser(self, request: admin_pb2.CreateUserRequest, context: _Context) -> admin_pb2.CreateUserResponse:
        asked = NewUser(username=request.username, password=request.password, claims=convert.plain(request.claims))
        account = await self._create_user(asked, operator=_caller(context))
        return admin_pb2.CreateUserResponse(user=convert.user(account))

    async def ImportUser(self, request: admin_pb2.ImportUserRequest, context: _Context) -> admin_pb2.ImportUserResponse:
        asked = ImportedUser(
            username=request.username,
            password_hash=request.password_hash,
            claims=convert.plain(request.claims),
            dry_run=request.dry_run,
        )
        account = await self._import_user(asked, operator=_caller(context))
        return admin_pb2.ImportUserResponse(user=convert.user(account))

    async def InviteUser(self, request: admin_pb2.InviteUserRequest, context: _Context) -> admin_pb2.InviteUserResponse:
        asked = Invitation(request.username, convert.plain(request.claims), convert.locale(request.locale))
        account = await self._invite_user(asked, operator=_caller(context))
        return admin_pb2.InviteUserResponse(user=convert.user(account))

    async def ListUsers(self, request: admin_pb2.ListUsersRequest, context: _Context) -> admin_pb2.ListUsersResponse:
        page = await self._list_users(size=request.page_size, token=request.page_token)
        return admin_pb2.ListUsersResponse(
            users=[convert.user(account) for account in page.accounts], next_page_token=page.next_token
        )

    async def GetUser(self, request: admin_pb2.GetUserRequest, context: _Context) -> admin_pb2.GetUserResponse:
        return admin_pb2.GetUserResponse(user=convert.user(await self._find_user(request.username)))

    async def UpdateUser(self, request: admin_pb2.UpdateUserRequest, context: _Context) -> admin_pb2.UpdateUserResponse:
        claims = convert.plain(request.claims)
        account = await self._update_user(request.username, claims, operator=_caller(context))
        return admin_pb2.UpdateUserResponse(user=convert.user(account))

    async def SetPassword(
        self, request: admin_pb2.SetPasswordRequest, context: _Context
    ) -> admin_pb2.SetPasswordResponse:
        await self._set_password(request.username, request.password, operator=_caller(context))
        return admin_pb2.SetPasswordResponse()

    async def DisableUser(
        self, request: admin_pb2.DisableUserRequest, context: _Context
    ) -> admin_pb2.DisableUserResponse:
        account = await self._disable_user(request.username, operator=_caller(context))
        return admin_pb2.DisableUserResponse(user=convert.user(account))

    async def ResetFactors(
        self, request: admin_pb2.ResetFactorsRequest, context: _Context
    ) -> admin_pb2.ResetFactorsResponse:
        removed = await self._reset_factors(request.username, operator=_caller(context))
        return admin_pb2.ResetFactorsResponse(removed=removed)


def _caller(context: _Context) -> str:
    """The identity that the guard has let in."""
    return identity.of_peer(context.auth_context()) or ""

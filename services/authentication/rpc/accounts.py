"""AccountService: the state and the claims of an account, for the token service."""

from typing import Any, TypeAlias

import grpc

from latchkey.authentication.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
)
from libs.oauth.errors import AccessDenied
from libs.oauth.reasons import Reason
from libs.servicekit.grpc.timestamps import to_optional_timestamp
from services.authentication.domain.accounts.account import AccountState
from services.authentication.rpc.messages import origin_of, to_struct
from services.authentication.rpc.sessions import to_session
from services.authentication.usecases.accounts.get_account import AccountResponse, GetAccount
from services.authentication.usecases.sign_in.sign_in import Attempt, SecondStep, SignIn

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_STATES = {
    AccountState.ACTIVE: accounts_pb2.ACCOUNT_STATE_ACTIVE,
    AccountState.DISABLED: accounts_pb2.ACCOUNT_STATE_DISABLED,
    AccountState.DELETED: accounts_pb2.ACCOUNT_STATE_DELETED,
}


class AccountRpc(accounts_pb2_grpc.AccountServiceServicer):
    def __init__(self, *, get_account: GetAccount, sign_in: SignIn) -> None:
        self._get_account = get_account
        self._sign_in = sign_in

    async def GetAccount(
        self, request: accounts_pb2.GetAccountRequest, context: _Context
    ) -> accounts_pb2.GetAccountResponse:
        answer = await self._get_account(
            request.user_id, session_id=request.session_id, claims=frozenset(request.claims)
        )
        return to_account(answer)

    async def SignInThroughClient(
        self, request: accounts_pb2.SignInThroughClientRequest, context: _Context
    ) -> accounts_pb2.SignInThroughClientResponse:
        attempt = Attempt(request.username, request.password, origin=origin_of(request.context), through_client=True)
        signed_in = await self._sign_in(attempt)
        if isinstance(signed_in, SecondStep):  # SignIn refuses these attempts when through_client is set
            raise AccessDenied(reason=Reason.SECOND_FACTOR_REQUIRED, redirectable=False)
        return accounts_pb2.SignInThroughClientResponse(session=to_session(signed_in.session))


def to_account(answer: AccountResponse | None) -> accounts_pb2.GetAccountResponse:
    if answer is None:
        return accounts_pb2.GetAccountResponse(state=accounts_pb2.ACCOUNT_STATE_UNSPECIFIED)
    return accounts_pb2.GetAccountResponse(
        state=_STATES[answer.state],
        session_live=answer.session_live,
        claims=to_struct(answer.claims),
        grants_not_before=to_optional_timestamp(answer.grants_not_before),
    )


def to_state(state: AccountState) -> accounts_pb2.AccountState.ValueType:
    return _STATES[state]


def state_of(state: accounts_pb2.AccountState.ValueType) -> AccountState | None:
    """The state that a list is limited to; None for an unspecified or unknown one."""
    return next((each for each, value in _STATES.items() if value == state), None)

"""PasswordResetService: password resets by email."""

from typing import Any, TypeAlias

import grpc

from latchkey.authentication.v1 import (
    password_resets_pb2,
    password_resets_pb2_grpc,
)
from services.authentication.rpc.messages import locale_of, origin_of
from services.authentication.usecases.accounts.request_password_reset import RequestPasswordReset
from services.authentication.usecases.accounts.reset_password import FindPasswordReset, ResetPassword

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class PasswordResetRpc(password_resets_pb2_grpc.PasswordResetServiceServicer):
    def __init__(self, *, request_reset: RequestPasswordReset, find: FindPasswordReset, reset: ResetPassword) -> None:
        self._request_reset = request_reset
        self._find = find
        self._reset = reset

    async def RequestPasswordReset(
        self, request: password_resets_pb2.RequestPasswordResetRequest, context: _Context
    ) -> password_resets_pb2.RequestPasswordResetResponse:
        await self._request_reset(
            request.identifier, locale=locale_of(request.locale), origin=origin_of(request.context)
        )
        return password_resets_pb2.RequestPasswordResetResponse()

    async def GetPasswordReset(
        self, request: password_resets_pb2.GetPasswordResetRequest, context: _Context
    ) -> password_resets_pb2.GetPasswordResetResponse:
        account = await self._find(request.token)
        return password_resets_pb2.GetPasswordResetResponse(
            username=account.username, display_name=account.display_name
        )

    async def ResetPassword(
        self, request: password_resets_pb2.ResetPasswordRequest, context: _Context
    ) -> password_resets_pb2.ResetPasswordResponse:
        await self._reset(request.token, request.new_password)
        return password_resets_pb2.ResetPasswordResponse()

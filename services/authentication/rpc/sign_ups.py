"""SignUpService: sign-up by email."""

from typing import Any, TypeAlias

import grpc

from latchkey.authentication.v1 import (
    sign_ups_pb2,
    sign_ups_pb2_grpc,
)
from services.authentication.rpc.messages import locale_of, origin_of
from services.authentication.usecases.accounts.sign_up import CompleteSignUp, FindSignUp, RequestSignUp

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class SignUpRpc(sign_ups_pb2_grpc.SignUpServiceServicer):
    def __init__(self, *, request_sign_up: RequestSignUp, find: FindSignUp, complete: CompleteSignUp) -> None:
        self._request_sign_up = request_sign_up
        self._find = find
        self._complete = complete

    async def RequestSignUp(
        self, request: sign_ups_pb2.RequestSignUpRequest, context: _Context
    ) -> sign_ups_pb2.RequestSignUpResponse:
        await self._request_sign_up(
            request.address, locale=locale_of(request.locale), origin=origin_of(request.context)
        )
        return sign_ups_pb2.RequestSignUpResponse()

    async def GetSignUp(
        self, request: sign_ups_pb2.GetSignUpRequest, context: _Context
    ) -> sign_ups_pb2.GetSignUpResponse:
        return sign_ups_pb2.GetSignUpResponse(address=await self._find(request.token))

    async def CompleteSignUp(
        self, request: sign_ups_pb2.CompleteSignUpRequest, context: _Context
    ) -> sign_ups_pb2.CompleteSignUpResponse:
        await self._complete(request.token, request.password, name=request.name)
        return sign_ups_pb2.CompleteSignUpResponse()

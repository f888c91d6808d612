"""AddressService: the email address of the signed-in user."""

from typing import Any, TypeAlias

import grpc

from latchkey.authentication.v1 import (
    addresses_pb2,
    addresses_pb2_grpc,
)
from services.authentication.rpc.messages import locale_of, origin_of
from services.authentication.usecases.accounts.change_email_address import (
    ConfirmAddress,
    FindAddressRequest,
    GetOwnAddress,
    RequestAddress,
)

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class AddressRpc(addresses_pb2_grpc.AddressServiceServicer):
    def __init__(
        self,
        *,
        get_own: GetOwnAddress,
        request_address: RequestAddress,
        find: FindAddressRequest,
        confirm: ConfirmAddress,
    ) -> None:
        self._get_own = get_own
        self._request_address = request_address
        self._find = find
        self._confirm = confirm

    async def GetOwnAddress(
        self, request: addresses_pb2.GetOwnAddressRequest, context: _Context
    ) -> addresses_pb2.GetOwnAddressResponse:
        own = await self._get_own(request.session_secret)
        return addresses_pb2.GetOwnAddressResponse(address=own.address, verified=own.verified)

    async def RequestAddress(
        self, request: addresses_pb2.RequestAddressRequest, context: _Context
    ) -> addresses_pb2.RequestAddressResponse:
        await self._request_address(
            request.session_secret,
            request.address,
            locale=locale_of(request.locale),
            origin=origin_of(request.context),
        )
        return addresses_pb2.RequestAddressResponse()

    async def GetAddressRequest(
        self, request: addresses_pb2.GetAddressRequestRequest, context: _Context
    ) -> addresses_pb2.GetAddressRequestResponse:
        return addresses_pb2.GetAddressRequestResponse(address=await self._find(request.session_secret, request.token))

    async def ConfirmAddress(
        self, request: addresses_pb2.ConfirmAddressRequest, context: _Context
    ) -> addresses_pb2.ConfirmAddressResponse:
        await self._confirm(request.session_secret, request.token)
        return addresses_pb2.ConfirmAddressResponse()

"""The gRPC methods that have to do with emails: decode, one use case, encode."""

from typing import Any, TypeAlias

import grpc

from latchkey.authentication.v1 import (
    addresses_pb2,
    addresses_pb2_grpc,
    offers_pb2,
    offers_pb2_grpc,
    password_resets_pb2,
    password_resets_pb2_grpc,
    sign_ups_pb2,
    sign_ups_pb2_grpc,
)
from services.authentication import convert
from services.authentication.usecases.accounts.change_email_address import (
    ConfirmAddress,
    FindAddressRequest,
    GetOwnAddress,
    RequestAddress,
)
from services.authentication.usecases.accounts.request_password_reset import RequestPasswordReset
from services.authentication.usecases.accounts.reset_password import FindPasswordReset, ResetPassword
from services.authentication.usecases.accounts.sign_up import CompleteSignUp, FindSignUp, RequestSignUp

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class Offers(offers_pb2_grpc.OfferServiceServicer):
    def __init__(self, *, mail: bool, sign_up: bool) -> None:
        self._answer = offers_pb2.GetOffersResponse(mail=mail, sign_up=sign_up)

    async def GetOffers(self, request: offers_pb2.GetOffersRequest, context: _Context) -> offers_pb2.GetOffersResponse:
        return self._answer


class Addresses(addresses_pb2_grpc.AddressServiceServicer):
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
            locale=convert.locale(request.locale),
            origin=convert.origin(request.context),
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


class PasswordResets(password_resets_pb2_grpc.PasswordResetServiceServicer):
    def __init__(self, *, request_reset: RequestPasswordReset, find: FindPasswordReset, reset: ResetPassword) -> None:
        self._request_reset = request_reset
        self._find = find
        self._reset = reset

    async def RequestPasswordReset(
        self, request: password_resets_pb2.RequestPasswordResetRequest, context: _Context
    ) -> password_resets_pb2.RequestPasswordResetResponse:
        await self._request_reset(
            request.identifier, locale=convert.locale(request.locale), origin=convert.origin(request.context)
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


class SignUps(sign_ups_pb2_grpc.SignUpServiceServicer):
    def __init__(self, *, request_sign_up: RequestSignUp, find: FindSignUp, complete: CompleteSignUp) -> None:
        self._request_sign_up = request_sign_up
        self._find = find
        self._complete = complete

    async def RequestSignUp(
        self, request: sign_ups_pb2.RequestSignUpRequest, context: _Context
    ) -> sign_ups_pb2.RequestSignUpResponse:
        await self._request_sign_up(
            request.address, locale=convert.locale(request.locale), origin=convert.origin(request.context)
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

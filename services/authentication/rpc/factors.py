"""FactorService: the second factors of the signed-in user."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc

from latchkey.authentication.v1 import (
    factors_pb2,
    factors_pb2_grpc,
)
from libs.servicekit.grpc.timestamps import to_timestamp
from services.authentication.domain.factors.factor import FactorKind
from services.authentication.rpc.messages import origin_of
from services.authentication.usecases.factors.enrol_passkey import AddPasskey, StartPasskey
from services.authentication.usecases.factors.enrol_totp import ConfirmTotp, StartTotp
from services.authentication.usecases.factors.own_factors import (
    CreateRecoveryCodes,
    ListFactors,
    OwnFactors,
    RemoveFactor,
)

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_FACTOR_KINDS = {
    FactorKind.TOTP: factors_pb2.FACTOR_KIND_TOTP,
    FactorKind.PASSKEY: factors_pb2.FACTOR_KIND_PASSKEY,
    FactorKind.RECOVERY_CODE: factors_pb2.FACTOR_KIND_RECOVERY_CODE,
}


@dataclass(frozen=True)
class FactorRpc(factors_pb2_grpc.FactorServiceServicer):
    list_factors: ListFactors
    start_totp: StartTotp
    confirm_totp: ConfirmTotp
    remove_factor: RemoveFactor
    create_recovery_codes: CreateRecoveryCodes
    start_passkey: StartPasskey
    add_passkey: AddPasskey

    async def ListFactors(
        self, request: factors_pb2.ListFactorsRequest, context: _Context
    ) -> factors_pb2.ListFactorsResponse:
        return to_factors(await self.list_factors(request.session_secret))

    async def StartTotp(
        self, request: factors_pb2.StartTotpRequest, context: _Context
    ) -> factors_pb2.StartTotpResponse:
        secret, username = await self.start_totp(request.session_secret)
        return factors_pb2.StartTotpResponse(secret=secret, username=username)

    async def ConfirmTotp(
        self, request: factors_pb2.ConfirmTotpRequest, context: _Context
    ) -> factors_pb2.ConfirmTotpResponse:
        signed_in = await self.confirm_totp(
            request.session_secret, request.code, name=request.name, origin=origin_of(request.context)
        )
        return factors_pb2.ConfirmTotpResponse(session_secret=signed_in.session_secret)

    async def RemoveFactor(
        self, request: factors_pb2.RemoveFactorRequest, context: _Context
    ) -> factors_pb2.RemoveFactorResponse:
        removed = await self.remove_factor(request.session_secret, request.factor_id)
        return factors_pb2.RemoveFactorResponse(removed=removed is not None)

    async def CreateRecoveryCodes(
        self, request: factors_pb2.CreateRecoveryCodesRequest, context: _Context
    ) -> factors_pb2.CreateRecoveryCodesResponse:
        return factors_pb2.CreateRecoveryCodesResponse(codes=await self.create_recovery_codes(request.session_secret))

    async def StartPasskey(
        self, request: factors_pb2.StartPasskeyRequest, context: _Context
    ) -> factors_pb2.StartPasskeyResponse:
        return factors_pb2.StartPasskeyResponse(options=await self.start_passkey(request.session_secret))

    async def AddPasskey(
        self, request: factors_pb2.AddPasskeyRequest, context: _Context
    ) -> factors_pb2.AddPasskeyResponse:
        signed_in = await self.add_passkey(
            request.session_secret, request.passkey, name=request.name, origin=origin_of(request.context)
        )
        return factors_pb2.AddPasskeyResponse(session_secret=signed_in.session_secret)


def to_factors(own: OwnFactors) -> factors_pb2.ListFactorsResponse:
    return factors_pb2.ListFactorsResponse(
        factors=[
            factors_pb2.Factor(
                factor_id=each.id,
                kind=_FACTOR_KINDS[each.kind],
                name=each.name,
                created_at=to_timestamp(each.created_at),
                last_used_at=None if each.last_used_at is None else to_timestamp(each.last_used_at),
            )
            for each in own.factors
        ],
        recovery_codes_left=own.codes_left,
    )


def to_kind(kind: FactorKind) -> factors_pb2.FactorKind.ValueType:
    return _FACTOR_KINDS[kind]

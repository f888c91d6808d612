"""The gRPC methods about second factors: decode, one use case, encode."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc

from latchkey.authentication.v1 import factors_pb2, factors_pb2_grpc
from services.authentication import convert
from services.authentication.usecases.continue_sign_in import ContinueSignIn
from services.authentication.usecases.enrol_totp import ConfirmTotp, StartTotp
from services.authentication.usecases.find_attempt import FindAttempt
from services.authentication.usecases.own_factors import CreateRecoveryCodes, ListFactors, RemoveFactor
from services.authentication.usecases.start_step_up import StartStepUp

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class Proofs(factors_pb2_grpc.ProofServiceServicer):
    def __init__(
        self, *, find_attempt: FindAttempt, continue_sign_in: ContinueSignIn, start_step_up: StartStepUp
    ) -> None:
        self._find_attempt = find_attempt
        self._continue_sign_in = continue_sign_in
        self._start_step_up = start_step_up

    async def GetSignInAttempt(
        self, request: factors_pb2.GetSignInAttemptRequest, context: _Context
    ) -> factors_pb2.GetSignInAttemptResponse:
        found = await self._find_attempt(request.attempt_secret, session_secret=request.session_secret)
        return convert.open_attempt(found)

    async def ContinueSignIn(
        self, request: factors_pb2.ContinueSignInRequest, context: _Context
    ) -> factors_pb2.ContinueSignInResponse:
        signed_in = await self._continue_sign_in(
            request.attempt_secret,
            convert.proof(request),
            session_secret=request.session_secret,
            origin=convert.origin(request.context),
        )
        return factors_pb2.ContinueSignInResponse(
            session_secret=signed_in.session_secret, session=convert.session_message(signed_in.session)
        )

    async def StartStepUp(
        self, request: factors_pb2.StartStepUpRequest, context: _Context
    ) -> factors_pb2.StartStepUpResponse:
        begun = await self._start_step_up(request.session_secret)
        return factors_pb2.StartStepUpResponse(attempt_secret="" if begun is None else begun.attempt_secret)


@dataclass(frozen=True)
class Factors(factors_pb2_grpc.FactorServiceServicer):
    list_factors: ListFactors
    start_totp: StartTotp
    confirm_totp: ConfirmTotp
    remove_factor: RemoveFactor
    create_recovery_codes: CreateRecoveryCodes

    async def ListFactors(
        self, request: factors_pb2.ListFactorsRequest, context: _Context
    ) -> factors_pb2.ListFactorsResponse:
        return convert.factors(await self.list_factors(request.session_secret))

    async def StartTotp(
        self, request: factors_pb2.StartTotpRequest, context: _Context
    ) -> factors_pb2.StartTotpResponse:
        secret, username = await self.start_totp(request.session_secret)
        return factors_pb2.StartTotpResponse(secret=secret, username=username)

    async def ConfirmTotp(
        self, request: factors_pb2.ConfirmTotpRequest, context: _Context
    ) -> factors_pb2.ConfirmTotpResponse:
        signed_in = await self.confirm_totp(
            request.session_secret, request.code, name=request.name, origin=convert.origin(request.context)
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

"""The gRPC methods about second factors: decode, one use case, encode."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc

from latchkey.authentication.v1 import factors_pb2, factors_pb2_grpc
from services.authentication import convert
from services.authentication.usecases.factors.enrol_passkey import AddPasskey, StartPasskey
from services.authentication.usecases.factors.enrol_totp import ConfirmTotp, StartTotp
from services.authentication.usecases.factors.own_factors import CreateRecoveryCodes, ListFactors, RemoveFactor
from services.authentication.usecases.sign_in.continue_sign_in import ContinueSignIn
from services.authentication.usecases.sign_in.find_attempt import FindAttempt
from services.authentication.usecases.sign_in.sign_in_with_passkey import SignInWithPasskey, StartPasskeySignIn
from services.authentication.usecases.sign_in.start_step_up import StartStepUp

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


@dataclass(frozen=True)
class Proofs(factors_pb2_grpc.ProofServiceServicer):
    find_attempt: FindAttempt
    continue_sign_in: ContinueSignIn
    start_step_up: StartStepUp
    start_passkey_sign_in: StartPasskeySignIn
    sign_in_with_passkey: SignInWithPasskey

    async def GetSignInAttempt(
        self, request: factors_pb2.GetSignInAttemptRequest, context: _Context
    ) -> factors_pb2.GetSignInAttemptResponse:
        found = await self.find_attempt(request.attempt_secret, session_secret=request.session_secret)
        return convert.open_attempt(found)

    async def ContinueSignIn(
        self, request: factors_pb2.ContinueSignInRequest, context: _Context
    ) -> factors_pb2.ContinueSignInResponse:
        signed_in = await self.continue_sign_in(
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
        begun = await self.start_step_up(request.session_secret)
        return factors_pb2.StartStepUpResponse(attempt_secret="" if begun is None else begun.attempt_secret)

    async def StartPasskeySignIn(
        self, request: factors_pb2.StartPasskeySignInRequest, context: _Context
    ) -> factors_pb2.StartPasskeySignInResponse:
        return factors_pb2.StartPasskeySignInResponse(options=self.start_passkey_sign_in(request.browser))

    async def SignInWithPasskey(
        self, request: factors_pb2.SignInWithPasskeyRequest, context: _Context
    ) -> factors_pb2.SignInWithPasskeyResponse:
        signed_in = await self.sign_in_with_passkey(
            request.passkey,
            browser=request.browser,
            session_secret=request.session_secret,
            origin=convert.origin(request.context),
        )
        return factors_pb2.SignInWithPasskeyResponse(session_secret=signed_in.session_secret)


@dataclass(frozen=True)
class Factors(factors_pb2_grpc.FactorServiceServicer):
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

    async def StartPasskey(
        self, request: factors_pb2.StartPasskeyRequest, context: _Context
    ) -> factors_pb2.StartPasskeyResponse:
        return factors_pb2.StartPasskeyResponse(options=await self.start_passkey(request.session_secret))

    async def AddPasskey(
        self, request: factors_pb2.AddPasskeyRequest, context: _Context
    ) -> factors_pb2.AddPasskeyResponse:
        signed_in = await self.add_passkey(
            request.session_secret, request.passkey, name=request.name, origin=convert.origin(request.context)
        )
        return factors_pb2.AddPasskeyResponse(session_secret=signed_in.session_secret)

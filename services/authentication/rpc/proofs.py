"""ProofService: the second factor of a sign-in, step-up, and sign-in with a passkey."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc

from latchkey.authentication.v1 import (
    factors_pb2,
    factors_pb2_grpc,
)
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.authentication.domain.factors.factor import FactorKind
from services.authentication.rpc.factors import to_kind
from services.authentication.rpc.messages import origin_of
from services.authentication.rpc.sessions import to_session
from services.authentication.usecases.factors.verify_factor import Proof
from services.authentication.usecases.sign_in.continue_sign_in import ContinueSignIn
from services.authentication.usecases.sign_in.find_attempt import FindAttempt, OpenAttempt
from services.authentication.usecases.sign_in.sign_in_with_passkey import SignInWithPasskey, StartPasskeySignIn
from services.authentication.usecases.sign_in.start_step_up import StartStepUp

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_PROOFS = {
    "totp_code": FactorKind.TOTP,
    "recovery_code": FactorKind.RECOVERY_CODE,
    "passkey": FactorKind.PASSKEY,
}


@dataclass(frozen=True)
class ProofRpc(factors_pb2_grpc.ProofServiceServicer):
    find_attempt: FindAttempt
    continue_sign_in: ContinueSignIn
    start_step_up: StartStepUp
    start_passkey_sign_in: StartPasskeySignIn
    sign_in_with_passkey: SignInWithPasskey

    async def GetSignInAttempt(
        self, request: factors_pb2.GetSignInAttemptRequest, context: _Context
    ) -> factors_pb2.GetSignInAttemptResponse:
        found = await self.find_attempt(request.attempt_secret, session_secret=request.session_secret)
        return to_attempt(found)

    async def ContinueSignIn(
        self, request: factors_pb2.ContinueSignInRequest, context: _Context
    ) -> factors_pb2.ContinueSignInResponse:
        signed_in = await self.continue_sign_in(
            request.attempt_secret,
            proof_of(request),
            session_secret=request.session_secret,
            origin=origin_of(request.context),
        )
        return factors_pb2.ContinueSignInResponse(
            session_secret=signed_in.session_secret, session=to_session(signed_in.session)
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
            origin=origin_of(request.context),
        )
        return factors_pb2.SignInWithPasskeyResponse(session_secret=signed_in.session_secret)


def to_attempt(attempt: OpenAttempt) -> factors_pb2.GetSignInAttemptResponse:
    return factors_pb2.GetSignInAttemptResponse(
        username=attempt.username,
        is_step_up=attempt.is_step_up,
        kinds=[to_kind(kind) for kind in attempt.kinds],
        passkey_options=attempt.passkey_options,
    )


def proof_of(request: factors_pb2.ContinueSignInRequest) -> Proof:
    """Return the proof of a request. Raises InvalidRequest when it is missing."""
    name = request.WhichOneof("proof")
    if name is None:
        raise InvalidRequest(
            "proof is missing: send a code or a passkey response.", reason=Reason.PROOF_MISSING, redirectable=False
        )
    return Proof(_PROOFS[name], getattr(request, name))

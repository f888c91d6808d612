"""The gRPC methods: decode, one use case, encode. Who may call them stands in the contract."""

from typing import Any, TypeAlias

import grpc

from latchkey.keys.v1 import admin_pb2, admin_pb2_grpc, keys_pb2, keys_pb2_grpc
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.key_rotation import convert
from services.key_rotation.domain.keys import RevocationReason
from services.key_rotation.domain.waits import Waits
from services.key_rotation.usecases.get_signing_keys import GetSigningKeys
from services.key_rotation.usecases.list_keys import ListKeys
from services.key_rotation.usecases.list_verification_keys import ListVerificationKeys
from services.key_rotation.usecases.revoke_key import RevokeKey
from services.key_rotation.usecases.rewrap_keys import RewrapKeys
from services.key_rotation.usecases.rotate_keys import RotateKeys
from services.key_rotation.usecases.sign_token import SignToken

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_REASONS = {
    admin_pb2.REVOCATION_REASON_COMPROMISED: RevocationReason.COMPROMISED,
    admin_pb2.REVOCATION_REASON_SUSPECTED: RevocationReason.SUSPECTED,
    admin_pb2.REVOCATION_REASON_DRILL: RevocationReason.DRILL,
}


class VerificationKeys(keys_pb2_grpc.VerificationKeyServiceServicer):
    def __init__(self, *, list_keys: ListVerificationKeys, waits: Waits) -> None:
        self._list_keys = list_keys
        self._waits = waits

    async def ListVerificationKeys(
        self, request: keys_pb2.ListVerificationKeysRequest, context: _Context
    ) -> keys_pb2.ListVerificationKeysResponse:
        return convert.verification_keys(await self._list_keys(), self._waits)


class SigningKeys(keys_pb2_grpc.SigningKeyServiceServicer):
    def __init__(self, *, get_keys: GetSigningKeys, waits: Waits) -> None:
        self._get_keys = get_keys
        self._waits = waits

    async def GetSigningKeys(
        self, request: keys_pb2.GetSigningKeysRequest, context: _Context
    ) -> keys_pb2.GetSigningKeysResponse:
        delivered = await self._get_keys(
            request.recipient_public_key,
            verifiable_for=convert.verifiable_for(request),
            held=request.held_kids,
            without_private_keys=request.without_private_keys,
        )
        return convert.delivery(delivered, self._waits)


class Signing(keys_pb2_grpc.SigningServiceServicer):
    def __init__(self, *, sign: SignToken) -> None:
        self._sign = sign

    async def Sign(self, request: keys_pb2.SignRequest, context: _Context) -> keys_pb2.SignResponse:
        return keys_pb2.SignResponse(token=await self._sign(convert.signing_question(request)))


class KeyAdmin(admin_pb2_grpc.KeyAdminServiceServicer):
    def __init__(self, *, list_keys: ListKeys, rotate: RotateKeys, revoke: RevokeKey, rewrap: RewrapKeys) -> None:
        self._list_keys = list_keys
        self._rotate = rotate
        self._revoke = revoke
        self._rewrap = rewrap

    async def ListKeys(self, request: admin_pb2.ListKeysRequest, context: _Context) -> admin_pb2.ListKeysResponse:
        return admin_pb2.ListKeysResponse(keys=[convert.key(key) for key in await self._list_keys()])

    async def RotateKeys(self, request: admin_pb2.RotateKeysRequest, context: _Context) -> admin_pb2.RotateKeysResponse:
        return admin_pb2.RotateKeysResponse(keys=[convert.key(key) for key in await self._rotate(request.alg)])

    async def RevokeKey(self, request: admin_pb2.RevokeKeyRequest, context: _Context) -> admin_pb2.RevokeKeyResponse:
        reason = _REASONS.get(request.reason)
        if reason is None:
            raise InvalidRequest("A reason is needed.", reason=Reason.REASON_MISSING)
        return convert.revocation(await self._revoke(request.kid, reason=reason))

    async def RewrapKeys(self, request: admin_pb2.RewrapKeysRequest, context: _Context) -> admin_pb2.RewrapKeysResponse:
        rewrapped = await self._rewrap()
        return admin_pb2.RewrapKeysResponse(rewrapped=rewrapped.done, remaining=rewrapped.remaining)

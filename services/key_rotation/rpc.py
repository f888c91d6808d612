"""The gRPC methods: decode, one use case, encode. Who may call them stands in the contract."""

from typing import Any, TypeAlias

import grpc

from latchkey.keys.v1 import keys_pb2, keys_pb2_grpc
from services.key_rotation import convert
from services.key_rotation.domain.waits import Waits
from services.key_rotation.usecases.get_signing_keys import DAY, GetSigningKeys
from services.key_rotation.usecases.list_verification_keys import ListVerificationKeys

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


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
        given = request.HasField("verifiable_for")
        verifiable_for = request.verifiable_for.ToTimedelta() if given else DAY
        delivered = await self._get_keys(request.recipient_public_key, verifiable_for=verifiable_for)
        return convert.delivery(delivered, self._waits)

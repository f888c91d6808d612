"""VerificationKeyService, SigningKeyService and SigningService, with their conversions."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeAlias

import grpc
from google.protobuf.duration_pb2 import Duration

from latchkey.keys.v1 import keys_pb2, keys_pb2_grpc
from libs.crypto.strict import json_object
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.grpc.timestamps import to_optional_timestamp
from services.key_rotation.domain.keys import Key, KeyState
from services.key_rotation.domain.rotation_policy import RotationPolicy
from services.key_rotation.domain.signing import REFUSED
from services.key_rotation.usecases.get_signing_keys import (
    DEFAULT_VERIFIABLE_FOR,
    DeliveredKey,
    Delivery,
    GetSigningKeys,
)
from services.key_rotation.usecases.list_verification_keys import ListVerificationKeys
from services.key_rotation.usecases.sign_token import SignToken, TokenSigningRequest

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
MAX_VERIFIABLE_FOR = timedelta(days=400)
STATES = {
    KeyState.NEXT: keys_pb2.KEY_STATE_NEXT,
    KeyState.ACTIVE: keys_pb2.KEY_STATE_ACTIVE,
    KeyState.RETIRING: keys_pb2.KEY_STATE_RETIRING,
    KeyState.RETIRED: keys_pb2.KEY_STATE_RETIRED,
    KeyState.REVOKED: keys_pb2.KEY_STATE_REVOKED,
}


class VerificationKeysRpc(keys_pb2_grpc.VerificationKeyServiceServicer):
    def __init__(self, *, list_keys: ListVerificationKeys, policy: RotationPolicy) -> None:
        self._list_keys = list_keys
        self._policy = policy

    async def ListVerificationKeys(
        self, request: keys_pb2.ListVerificationKeysRequest, context: Context
    ) -> keys_pb2.ListVerificationKeysResponse:
        return to_verification_keys(await self._list_keys(), self._policy)


class SigningKeysRpc(keys_pb2_grpc.SigningKeyServiceServicer):
    def __init__(self, *, get_keys: GetSigningKeys, policy: RotationPolicy) -> None:
        self._get_keys = get_keys
        self._policy = policy

    async def GetSigningKeys(
        self, request: keys_pb2.GetSigningKeysRequest, context: Context
    ) -> keys_pb2.GetSigningKeysResponse:
        delivery = await self._get_keys(
            request.recipient_public_key,
            verifiable_for=verifiable_for_of(request),
            held=request.held_kids,
            without_private_keys=request.without_private_keys,
        )
        return to_signing_keys(delivery, self._policy)


class SigningRpc(keys_pb2_grpc.SigningServiceServicer):
    def __init__(self, *, sign: SignToken) -> None:
        self._sign = sign

    async def Sign(self, request: keys_pb2.SignRequest, context: Context) -> keys_pb2.SignResponse:
        return keys_pb2.SignResponse(token=await self._sign(signing_request_of(request)))


def to_verification_keys(keys: Sequence[Key], policy: RotationPolicy) -> keys_pb2.ListVerificationKeysResponse:
    return keys_pb2.ListVerificationKeysResponse(
        keys=[_to_verification_key(key) for key in keys],
        cacheable_for=_to_duration(policy.jwks_max_age),
        valid_for=_to_duration(policy.publication_max_age),
    )


def to_signing_keys(delivery: Delivery, policy: RotationPolicy) -> keys_pb2.GetSigningKeysResponse:
    return keys_pb2.GetSigningKeysResponse(
        signing_keys=[_to_sealed_key(key) for key in delivery.signing],
        verification_keys=[_to_verification_key(key) for key in delivery.verification],
        valid_for=_to_duration(policy.view_max_age),
    )


def signing_request_of(request: keys_pb2.SignRequest) -> TokenSigningRequest:
    """Raises InvalidRequest if the claims are not a JSON object, or as `verifiable_for_of`."""
    try:
        claims = json_object(request.claims)
    except ValueError:
        raise InvalidRequest("claims must be a JSON object.", reason=REFUSED) from None
    return TokenSigningRequest(request.alg, request.typ, claims, verifiable_for_of(request))


def verifiable_for_of(request: keys_pb2.GetSigningKeysRequest | keys_pb2.SignRequest) -> timedelta:
    """Return one day if the field is absent. Raises InvalidRequest (VERIFIABLE_FOR) if it is out of range."""
    if not request.HasField("verifiable_for"):
        return DEFAULT_VERIFIABLE_FOR
    if not 0 <= request.verifiable_for.seconds <= MAX_VERIFIABLE_FOR.total_seconds():
        raise InvalidRequest(
            f"verifiable_for must be between 0 and {MAX_VERIFIABLE_FOR.days} days.", reason=Reason.VERIFIABLE_FOR
        )
    return min(request.verifiable_for.ToTimedelta(), MAX_VERIFIABLE_FOR)


def _to_verification_key(key: Key) -> keys_pb2.VerificationKey:
    return keys_pb2.VerificationKey(
        kid=key.kid,
        alg=key.alg,
        jwk=key.public_jwk,
        state=STATES[key.state],
        published_at=to_optional_timestamp(key.published_at),
        activates_at=to_optional_timestamp(key.activates_at),
    )


def _to_sealed_key(key: DeliveredKey) -> keys_pb2.SealedSigningKey:
    return keys_pb2.SealedSigningKey(
        kid=key.kid, alg=key.alg, activates_at=to_optional_timestamp(key.activates_at), sealed=key.sealed
    )


def _to_duration(value: timedelta) -> Duration:
    duration = Duration()
    duration.FromTimedelta(value)
    return duration

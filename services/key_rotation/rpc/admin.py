"""KeyAdminService, with its conversions."""

from latchkey.keys.v1 import admin_pb2, admin_pb2_grpc
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.grpc.timestamps import to_optional_timestamp
from services.key_rotation.domain.keys import Key, RevocationReason
from services.key_rotation.rpc.keys import STATES, Context
from services.key_rotation.usecases.list_keys import ListKeys
from services.key_rotation.usecases.revoke_key import Revocation, RevokeKey
from services.key_rotation.usecases.rewrap_keys import RewrapKeys
from services.key_rotation.usecases.rotate_keys import RotateKeys

_REASONS = {
    RevocationReason.COMPROMISED: admin_pb2.REVOCATION_REASON_COMPROMISED,
    RevocationReason.SUSPECTED: admin_pb2.REVOCATION_REASON_SUSPECTED,
    RevocationReason.DRILL: admin_pb2.REVOCATION_REASON_DRILL,
}


class KeyAdminRpc(admin_pb2_grpc.KeyAdminServiceServicer):
    def __init__(self, *, list_keys: ListKeys, rotate: RotateKeys, revoke: RevokeKey, rewrap: RewrapKeys) -> None:
        self._list_keys = list_keys
        self._rotate = rotate
        self._revoke = revoke
        self._rewrap = rewrap

    async def ListKeys(self, request: admin_pb2.ListKeysRequest, context: Context) -> admin_pb2.ListKeysResponse:
        return admin_pb2.ListKeysResponse(keys=[to_key(key) for key in await self._list_keys()])

    async def RotateKeys(self, request: admin_pb2.RotateKeysRequest, context: Context) -> admin_pb2.RotateKeysResponse:
        return admin_pb2.RotateKeysResponse(keys=[to_key(key) for key in await self._rotate(request.alg)])

    async def RevokeKey(self, request: admin_pb2.RevokeKeyRequest, context: Context) -> admin_pb2.RevokeKeyResponse:
        return to_revocation(await self._revoke(request.kid, reason=reason_of(request)))

    async def RewrapKeys(self, request: admin_pb2.RewrapKeysRequest, context: Context) -> admin_pb2.RewrapKeysResponse:
        result = await self._rewrap()
        return admin_pb2.RewrapKeysResponse(rewrapped=result.done, remaining=result.remaining)


def reason_of(request: admin_pb2.RevokeKeyRequest) -> RevocationReason:
    """Raises InvalidRequest (REASON_MISSING)."""
    found = next((reason for reason, value in _REASONS.items() if value == request.reason), None)
    if found is None:
        raise InvalidRequest("reason is required.", reason=Reason.REASON_MISSING)
    return found


def to_key(key: Key) -> admin_pb2.Key:
    reason = key.revocation_reason
    return admin_pb2.Key(
        kid=key.kid,
        alg=key.alg,
        state=STATES[key.state],
        published_at=to_optional_timestamp(key.published_at),
        activates_at=to_optional_timestamp(key.activates_at),
        retires_at=to_optional_timestamp(key.retires_at),
        revoked_at=to_optional_timestamp(key.revoked_at),
        revocation_reason=_REASONS[reason] if reason else admin_pb2.REVOCATION_REASON_UNSPECIFIED,
        kek_version=key.private.kek_version if key.private else 0,
        kek=key.private.kek if key.private else "",
    )


def to_revocation(revocation: Revocation) -> admin_pb2.RevokeKeyResponse:
    return admin_pb2.RevokeKeyResponse(
        keys=[to_key(key) for key in revocation.keys],
        exposed_until=to_optional_timestamp(revocation.exposed_until),
    )

"""The key administration of the key-rotation service (protos/latchkey/keys/v1/admin.proto)."""

from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from latchkey.keys.v1 import admin_pb2, keys_pb2
from latchkey.keys.v1.admin_pb2_grpc import KeyAdminServiceStub
from latchkey.token.v1 import admin_pb2 as token_pb2
from latchkey.token.v1.admin_pb2_grpc import ClientAdminServiceStub
from libs.cli.admin import service, when
from libs.cli.connection import Connection

_SERVICE = "key-rotation"
REASONS = ("compromised", "suspected", "drill")


def as_json(key: admin_pb2.Key) -> dict[str, Any]:
    """The members of a key; those without a value are left out."""
    moments = {field.name: value for field, value in key.ListFields() if isinstance(value, Timestamp)}
    members: dict[str, Any] = {
        "kid": key.kid,
        "alg": key.alg,
        "state": keys_pb2.KeyState.Name(key.state).removeprefix("KEY_STATE_").lower(),
        **{name: moment(value) for name, value in moments.items()},
    }
    if key.revocation_reason:
        name = admin_pb2.RevocationReason.Name(key.revocation_reason)
        members["revocation_reason"] = name.removeprefix("REVOCATION_REASON_").lower()
    if key.kek_version:
        members |= {"kek": key.kek or "file", "kek_version": key.kek_version}
    return members


def moment(timestamp: Timestamp) -> str:
    return when(timestamp).isoformat(timespec="seconds").replace("+00:00", "Z")


async def every(found: Connection) -> Sequence[admin_pb2.Key]:
    """All keys by algorithm, oldest first."""
    async with service(_SERVICE, found) as channel:
        answer = await KeyAdminServiceStub(channel).ListKeys(admin_pb2.ListKeysRequest())
        return list(answer.keys)


async def rotate(found: Connection, alg: str) -> tuple[Sequence[admin_pb2.Key], Sequence[str]]:
    """Rotates the keys of `alg` (empty: all).

    Returns:
        The active and next keys, and the algorithms whose rotation is scheduled: their active key has not changed.
    """
    async with service(_SERVICE, found) as channel:
        stub = KeyAdminServiceStub(channel)
        before = _active_kids((await stub.ListKeys(admin_pb2.ListKeysRequest())).keys)
        after = list((await stub.RotateKeys(admin_pb2.RotateKeysRequest(alg=alg))).keys)
        return after, sorted({key.alg for key in after if key.kid in before and _is_active(key)})


def _active_kids(found: Iterable[admin_pb2.Key]) -> frozenset[str]:
    return frozenset(key.kid for key in found if _is_active(key))


def _is_active(key: admin_pb2.Key) -> bool:
    return key.state == keys_pb2.KEY_STATE_ACTIVE


async def revoke(found: Connection, kid: str, reason: str) -> admin_pb2.RevokeKeyResponse:
    async with service(_SERVICE, found) as channel:
        value = admin_pb2.RevocationReason.Value(f"REVOCATION_REASON_{reason.upper()}")
        return await KeyAdminServiceStub(channel).RevokeKey(admin_pb2.RevokeKeyRequest(kid=kid, reason=value))


async def retired_key_uses(found: Connection) -> Sequence[token_pb2.FormerKeyUse]:
    """Clients that presented tokens signed by retired keys. Most recent first."""
    async with service("token", found) as channel:
        answer = await ClientAdminServiceStub(channel).ListFormerKeyUses(token_pb2.ListFormerKeyUsesRequest())
        return list(answer.uses)


def use_as_json(use: token_pb2.FormerKeyUse) -> dict[str, Any]:
    return {
        "client_id": use.client_id,
        "kid": use.kid,
        "presented_as": use.presented_as,
        "count": use.count,
        "first_at": moment(use.first_at),
        "last_at": moment(use.last_at),
    }


async def rewrap(found: Connection) -> tuple[int, int]:
    """Returns how many keys were encrypted again, and how many remain because another command processes them."""
    async with service(_SERVICE, found) as channel:
        answer = await KeyAdminServiceStub(channel).RewrapKeys(admin_pb2.RewrapKeysRequest())
        return answer.rewrapped, answer.remaining

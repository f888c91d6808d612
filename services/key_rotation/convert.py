"""The domain to the contract (protos/latchkey/keys/v1)."""

from collections.abc import Sequence
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from latchkey.keys.v1 import admin_pb2, keys_pb2
from libs.crypto.strict import json_object
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.grpc.timestamps import to_optional_timestamp
from services.key_rotation.domain.keys import Key, KeyState, RevocationReason
from services.key_rotation.domain.signing import REFUSED
from services.key_rotation.domain.waits import Waits
from services.key_rotation.usecases.get_signing_keys import DAY, DeliveredKey, Delivery
from services.key_rotation.usecases.revoke_key import Revocation
from services.key_rotation.usecases.sign_token import SigningQuestion

_LONGEST = timedelta(days=400)
_STATES = {
    KeyState.NEXT: keys_pb2.KEY_STATE_NEXT,
    KeyState.ACTIVE: keys_pb2.KEY_STATE_ACTIVE,
    KeyState.RETIRING: keys_pb2.KEY_STATE_RETIRING,
    KeyState.RETIRED: keys_pb2.KEY_STATE_RETIRED,
    KeyState.REVOKED: keys_pb2.KEY_STATE_REVOKED,
}
_REASONS = {
    None: admin_pb2.REVOCATION_REASON_UNSPECIFIED,
    RevocationReason.COMPROMISED: admin_pb2.REVOCATION_REASON_COMPROMISED,
    RevocationReason.SUSPECTED: admin_pb2.REVOCATION_REASON_SUSPECTED,
    RevocationReason.DRILL: admin_pb2.REVOCATION_REASON_DRILL,
}


def verification_keys(keys: Sequence[Key], waits: Waits) -> keys_pb2.ListVerificationKeysResponse:
    return keys_pb2.ListVerificationKeysResponse(
        keys=[_verification_key(key) for key in keys],
        cacheable_for=_duration(waits.jwks_max_age),
        valid_for=_duration(waits.publication_max_age),
    )


def delivery(delivered: Delivery, waits: Waits) -> keys_pb2.GetSigningKeysResponse:
    return keys_pb2.GetSigningKeysResponse(
        signing_keys=[_sealed_key(key) for key in delivered.signing],
        verification_keys=[_verification_key(key) for key in delivered.verification],
        valid_for=_duration(waits.view_max_age),
    )


def signing_question(request: keys_pb2.SignRequest) -> SigningQuestion:
    """Raises InvalidRequest for claims that are no JSON object."""
    try:
        claims = json_object(request.claims)
    except ValueError:
        raise InvalidRequest("The claims are not a JSON object.", reason=REFUSED) from None
    return SigningQuestion(request.alg, request.typ, claims, verifiable_for(request))


def verifiable_for(request: keys_pb2.GetSigningKeysRequest | keys_pb2.SignRequest) -> timedelta:
    """A day when nothing is said. Raises InvalidRequest (VERIFIABLE_FOR) for what no token service can be told."""
    if not request.HasField("verifiable_for"):
        return DAY
    if not 0 <= request.verifiable_for.seconds <= _LONGEST.total_seconds():
        raise InvalidRequest("Nothing that is signed here lives for so long.", reason=Reason.VERIFIABLE_FOR)
    return min(request.verifiable_for.ToTimedelta(), _LONGEST)


def key(known: Key) -> admin_pb2.Key:
    return admin_pb2.Key(
        kid=known.kid,
        alg=known.alg,
        state=_STATES[known.state],
        published_at=to_optional_timestamp(known.published_at),
        activates_at=to_optional_timestamp(known.activates_at),
        retires_at=to_optional_timestamp(known.retires_at),
        revoked_at=to_optional_timestamp(known.revoked_at),
        revocation_reason=_REASONS[known.revocation_reason],
        kek_version=known.private.kek_version if known.private else 0,
        kek=known.private.kek if known.private else "",
    )


def revocation(done: Revocation) -> admin_pb2.RevokeKeyResponse:
    return admin_pb2.RevokeKeyResponse(
        keys=[key(known) for known in done.keys], exposed_until=to_optional_timestamp(done.exposed_until)
    )


def _verification_key(key: Key) -> keys_pb2.VerificationKey:
    return keys_pb2.VerificationKey(
        kid=key.kid,
        alg=key.alg,
        jwk=key.public_jwk,
        state=_STATES[key.state],
        published_at=to_optional_timestamp(key.published_at),
        activates_at=to_optional_timestamp(key.activates_at),
    )


def _sealed_key(key: DeliveredKey) -> keys_pb2.SealedSigningKey:
    return keys_pb2.SealedSigningKey(
        kid=key.kid, alg=key.alg, activates_at=to_optional_timestamp(key.activates_at), sealed=key.sealed
    )


def _duration(value: timedelta) -> Duration:
    duration = Duration()
    duration.FromTimedelta(value)
    return duration

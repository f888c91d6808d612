"""A replica without private keys: it requests each signature from key-rotation and verifies it before returning the token."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest

from latchkey.keys.v1 import keys_pb2
from libs.crypto.jwt import SigningKey, sign_jwt
from libs.oauth.errors import InvalidRequest, OAuthError, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.token.adapters.remote_signing import RemoteSigning
from services.token.adapters.signing_keys import KeyView
from tests.unit.token.parts import ISSUER, NOON, Clock, signing_key

OURS, OTHER_KEY = signing_key("ES256"), signing_key("ES256", 1)
LIFE = timedelta(hours=3)
MAX_AGE = timedelta(minutes=7)
CLAIMS = {"iss": ISSUER, "sub": "ü", "aud": "c", "iat": 1, "exp": 2}


@dataclass
class KeyRotation:
    """Both of its services for token replicas."""

    key: SigningKey = OURS
    refusal: OAuthError | None = None
    answer: str = ""
    asked: list[tuple[keys_pb2.SignRequest, float]] = field(default_factory=list)
    looks: list[keys_pb2.GetSigningKeysRequest] = field(default_factory=list)

    async def GetSigningKeys(  # noqa: N802 - the contract's name
        self, request: keys_pb2.GetSigningKeysRequest
    ) -> keys_pb2.GetSigningKeysResponse:
        self.looks.append(request)
        key = keys_pb2.VerificationKey(kid=OURS.kid, alg=OURS.alg, jwk=json.dumps(OURS.public_jwk()))
        sealed = keys_pb2.SealedSigningKey(kid=OURS.kid, alg=OURS.alg)
        sealed.activates_at.FromDatetime(NOON)
        response = keys_pb2.GetSigningKeysResponse(signing_keys=[sealed], verification_keys=[key])
        response.valid_for.FromTimedelta(MAX_AGE)
        return response

    async def Sign(self, request: keys_pb2.SignRequest, *, timeout: float) -> keys_pb2.SignResponse:  # noqa: N802, ASYNC109
        self.asked.append((request, timeout))
        if self.refusal is not None:
            raise self.refusal
        token = self.answer or sign_jwt(json.loads(request.claims), self.key, typ=request.typ)
        return keys_pb2.SignResponse(token=token)


@dataclass
class Replica:
    rotation: KeyRotation = field(default_factory=KeyRotation)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        stub = cast(Any, self.rotation)
        self.view = KeyView(stub, issuer=ISSUER, verifiable_for=LIFE, clock=self.clock, private=False)
        self.keys = RemoteSigning(self.view, stub, verifiable_for=LIFE, seconds=0.7)

    async def sign(self) -> str:
        return await self.keys.sign(CLAIMS, alg="ES256", typ="JWT", now=self.clock.now())

    async def refusal(self) -> str:
        with pytest.raises(TemporarilyUnavailable) as refusal:
            await self.sign()
        return refusal.value.reason


@pytest.fixture
async def replica() -> Replica:
    replica = Replica()
    await replica.view.refresh()
    return replica


async def test_remote_signing_returns_signature_within_the_timeout(replica: Replica):
    token = await replica.sign()
    assert token.count(".") == 2
    (request, seconds), *more = replica.rotation.asked
    assert not more
    assert (request.alg, request.typ, json.loads(request.claims)) == ("ES256", "JWT", CLAIMS)
    assert request.verifiable_for.ToTimedelta() == LIFE
    assert seconds == 0.7
    assert replica.keys.verification.find(OURS.kid) is not None


async def test_no_private_key_is_asked_for(replica: Replica):
    assert [(look.without_private_keys, look.verifiable_for.ToTimedelta()) for look in replica.rotation.looks] == [
        (True, LIFE)
    ]


async def test_without_a_fresh_view_nothing_is_asked_for(replica: Replica):
    assert await Replica().refusal() == "KEY_VIEW_STALE"
    replica.clock.move(MAX_AGE + timedelta(seconds=1))
    assert await replica.refusal() == "KEY_VIEW_STALE"
    assert replica.rotation.asked == []


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (TemporarilyUnavailable(reason=Reason.KEY_ROTATION_UNREACHABLE), "KEY_ROTATION_UNREACHABLE"),
        (InvalidRequest("no", reason=Reason.CLAIMS_REFUSED), "SIGNATURE_REFUSED"),
    ],
)
async def test_whatever_goes_wrong_is_temporary_for_the_client(replica: Replica, refusal: OAuthError, reason: str):
    replica.rotation.refusal = refusal
    assert await replica.refusal() == reason


async def test_remote_signing_rejects_signature_of_unknown_key(replica: Replica):
    replica.rotation.key = OTHER_KEY
    assert await replica.refusal() == "KEY_UNKNOWN"
    for rubbish in ("rubbish", "a.b.c", "{}"):
        replica.rotation.answer = rubbish
        assert await replica.refusal() == "KEY_UNKNOWN"


async def test_a_replica_that_wants_keys_which_do_not_leave_says_what_is_needed():
    rotation = KeyRotation()
    view = KeyView(cast(Any, rotation), issuer=ISSUER, verifiable_for=LIFE, clock=Clock())
    with pytest.raises(ValueError, match="LATCHKEY_SIGNING=remote"):
        await view.refresh()

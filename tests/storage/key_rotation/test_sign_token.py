"""Remote signing: the active key signs, and no other."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet as JoserfcKeySet

from libs.oauth.errors import TemporarilyUnavailable
from services.key_rotation.domain.keys import KeyState, RevocationReason
from services.key_rotation.usecases.get_signing_keys import GetSigningKeys
from services.key_rotation.usecases.sign_token import TokenSigningRequest
from tests.storage.key_rotation.replicas import ISSUER, NOON, POLICY, Replica, execute, rows

LIFE = timedelta(minutes=10)
AT = int(NOON.timestamp())
ID_TOKEN = {"iss": ISSUER, "sub": "u", "aud": "c", "iat": AT, "exp": AT + 600}


class Signer:
    """Signs tokens with one replica of the service."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.view = replica.view
        self.sign = replica.sign

    async def __call__(self, *, alg: str = "ES256", typ: str = "JWT", life: timedelta = LIFE, **claims: Any) -> str:
        now = int(self.replica.clock.now().timestamp())
        claims = {**ID_TOKEN, "iat": now, "exp": now + 600, **claims}
        return await self.sign(TokenSigningRequest(alg, typ, {k: v for k, v in claims.items() if v is not None}, life))

    async def kid(self, alg: str = "ES256") -> str:
        """Return the kid of the key that signs now, or the reason why none does."""
        try:
            token = await self(alg=alg)
        except TemporarilyUnavailable as refusal:
            return refusal.reason
        keys = await self.replica.published()
        jwks = JoserfcKeySet.import_key_set({"keys": [json.loads(key.public_jwk) for key in keys]})
        return str(joserfc_jwt.decode(token, jwks, algorithms=[alg]).header["kid"])

    async def in_state(self, state: KeyState, alg: str = "ES256") -> str:
        return next(key.kid for key in await self.replica.list_keys((alg,)) if key.state is state)


@pytest.fixture
async def signer(replica: Replica) -> Signer:
    await replica.settle()
    signer = Signer(replica)
    await signer.view.look()
    return signer


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
async def test_active_key_signs(signer: Signer, alg: str):
    assert await signer.kid(alg) == await signer.in_state(KeyState.ACTIVE, alg)


async def test_next_key_signs_from_activates_at_without_a_refresh(signer: Signer):
    active, successor = await signer.in_state(KeyState.ACTIVE), await signer.in_state(KeyState.NEXT)
    turn = next(key for key in await signer.replica.list_keys() if key.kid == successor).activates_at
    assert turn is not None
    signer.replica.clock.at = turn - timedelta(seconds=1)
    await signer.view.look()
    assert await signer.kid() == active
    signer.replica.clock.at = turn
    assert await signer.kid() == successor
    await signer.replica.settle()
    await signer.view.look()
    assert await signer.in_state(KeyState.RETIRING) == active
    assert await signer.kid() == successor
    assert active not in signer.view._opened


async def test_revoked_key_does_not_sign_after_a_refresh(signer: Signer):
    active = await signer.kid()
    await signer.replica.revoke(active, reason=RevocationReason.COMPROMISED)
    await signer.view.look()
    # The next key is new: nothing is signed until every cache contains it.
    assert await signer.kid() == "KEY_MISSING"
    signer.replica.clock.move(POLICY.min_announcement)
    await signer.replica.settle()
    await signer.view.look()
    assert await signer.kid() == await signer.in_state(KeyState.ACTIVE)


async def test_late_query_result_does_not_restore_a_revoked_key(signer: Signer, monkeypatch: pytest.MonkeyPatch):
    before = await signer.replica.published()
    arrives = asyncio.Event()

    async def late() -> Any:
        await arrives.wait()
        return before

    monkeypatch.setattr(signer.view, "_published", late)
    overtaken = asyncio.create_task(signer.view.look())
    await asyncio.sleep(0)
    monkeypatch.setattr(signer.view, "_published", signer.replica.published)
    await signer.replica.revoke(await signer.in_state(KeyState.ACTIVE), reason=RevocationReason.COMPROMISED)
    await signer.view.look()
    arrives.set()
    await overtaken
    assert await signer.kid() == "KEY_MISSING"


async def test_stale_view_does_not_sign(signer: Signer):
    await signer.kid()
    signer.replica.clock.move(POLICY.view_max_age)
    assert await signer.kid() == await signer.in_state(KeyState.ACTIVE)
    signer.replica.clock.move(timedelta(seconds=1))
    assert await signer.kid() == "KEY_VIEW_STALE"
    signer.replica.clock.move(-timedelta(hours=1))
    assert await signer.kid() == "KEY_VIEW_STALE"


async def test_lifetime_is_stored_before_the_first_signature(signer: Signer):
    assert {row["signs_for_seconds"] for row in await rows(signer.replica.database) if row["alg"] == "ES256"} == {0}
    await signer(life=timedelta(hours=5))
    assert {row["signs_for_seconds"] for row in await rows(signer.replica.database) if row["alg"] == "ES256"} == {
        5 * 3600
    }


async def test_private_key_is_decrypted_once(signer: Signer, monkeypatch: pytest.MonkeyPatch):
    opened = []
    really: Callable[..., Any] = signer.replica.seals.open

    async def counted(*sealed: Any, **of: Any) -> bytes:
        opened.append(of["kid"])
        return bytes(await really(*sealed, **of))

    monkeypatch.setattr(signer.replica.seals, "open", counted)
    for _ in range(3):
        await signer()
        await signer.view.look()
    assert opened == [await signer.in_state(KeyState.ACTIVE)]


async def test_exchanged_row_does_not_sign(signer: Signer):
    """A key copied to another row of the database cannot be decrypted."""
    await execute(
        signer.replica.database,
        "UPDATE signing_keys SET sealed_private = (SELECT sealed_private FROM signing_keys "
        "WHERE alg = 'ES256' AND state = 'next') WHERE alg = 'ES256' AND state = 'active'",
    )
    await signer.view.look()
    with pytest.raises(ValueError, match="decryption failed"):
        await signer()


async def test_kept_private_keys_are_not_delivered(signer: Signer, monkeypatch: pytest.MonkeyPatch):
    replica = signer.replica
    keeping = GetSigningKeys(
        published=replica.published, begin=replica.work, seals=replica.seals, issuer=ISSUER, keep_private_keys=True
    )
    asked: dict[str, Any] = {"recipient_public_key": bytes(31) + b"\x09", "verifiable_for": LIFE}
    for delivery in (
        await keeping(**asked),
        await keeping(**asked, without_private_keys=True),
        await replica.signing(verifiable_for=LIFE, without_private_keys=True),
    ):
        assert [key.sealed for key in delivery.signing] == [b""] * 4
        assert len(delivery.verification) == 4
    assert all(key.sealed for key in (await replica.signing(bytes(31) + b"\x09")).signing)

"""Clients of the profile fapi2 keep their refresh token (FAPI 2.0, 5.3.2.1), on both databases."""

from datetime import timedelta
from typing import Any

import pytest

from libs.crypto.jwt import UnverifiedJwt
from libs.oauth.client_authentication import PRIVATE_KEY_JWT, Credentials
from libs.oauth.errors import InvalidGrant
from libs.oauth.parameters import Parameters
from tests.storage.token.test_security_profile import push, signed, strict
from tests.storage.token.world import LIFETIMES, Registered, World, sent
from tests.unit.token.parts import REDIRECT_URI, SECOND, VERIFIER, a_session
from tests.unit.token.proofs import a_header, a_proof

pytestmark = pytest.mark.s(21, 22)
DAY = timedelta(days=1)


@pytest.fixture
async def client(world: World) -> Registered:
    return await strict(world, consent="skip")


async def _token(world: World, client: Registered, **parameters: str) -> dict[str, Any]:
    now = world.clock.now()
    count = len(await world.rows("used_assertions"))
    text = signed(client, jti=f"{count} {now}", iat=int(now.timestamp()), exp=int(now.timestamp()) + 60)
    credentials = Credentials(client.client_id, PRIVATE_KEY_JWT, assertion=UnverifiedJwt.parse(text))
    return await world.issue_tokens(credentials, Parameters(parameters), dpop=a_header(a_proof(at=now)))


async def _first_tokens(world: World, client: Registered) -> dict[str, Any]:
    pushed = await push(world, client)
    following = await world.ask(client, a_session(), request_uri=pushed["request_uri"])
    return await _token(
        world,
        client,
        grant_type="authorization_code",
        code=sent(following)["code"],
        redirect_uri=REDIRECT_URI,
        code_verifier=VERIFIER,
    )


async def _refresh(world: World, client: Registered, token: str) -> dict[str, Any]:
    return await _token(world, client, grant_type="refresh_token", refresh_token=token)


async def test_refresh_returns_the_same_refresh_token_however_late_it_is_used_again(
    world: World, client: Registered
) -> None:
    first = await _first_tokens(world, client)
    for _ in range(3):
        world.clock.move(LIFETIMES.refresh_grace + SECOND)
        refreshed = await _refresh(world, client, first["refresh_token"])
        assert refreshed["refresh_token"] == first["refresh_token"]
        assert refreshed["access_token"] != first["access_token"]
    assert await world.events("token.reuse_detected") == []


async def test_refresh_without_rotation_renews_the_idle_time_up_to_the_absolute_lifetime(
    world: World, client: Registered
) -> None:
    token = (await _first_tokens(world, client))["refresh_token"]
    for _ in range(6):
        world.clock.move(LIFETIMES.refresh_idle - DAY)
        await _refresh(world, client, token)
    world.clock.move(LIFETIMES.refresh_absolute - 6 * (LIFETIMES.refresh_idle - DAY))
    with pytest.raises(InvalidGrant) as refusal:
        await _refresh(world, client, token)
    assert refusal.value.reason == "REFRESH_TOKEN_EXPIRED"


async def test_refresh_without_rotation_is_refused_when_the_grant_was_revoked(world: World, client: Registered) -> None:
    token = (await _first_tokens(world, client))["refresh_token"]
    [grant] = await world.rows("grants")
    async with world.work() as work:
        await work.grants.revoke(grant["grant_id"], reason="test", now=world.clock.now())
    with pytest.raises(InvalidGrant) as refusal:
        await _refresh(world, client, token)
    assert refusal.value.reason == "GRANT_REVOKED"

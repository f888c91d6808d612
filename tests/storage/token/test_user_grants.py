"""An operator lists and revokes the grants of a user; grants of a disabled account stay revoked."""

from datetime import timedelta

import pytest

from libs.oauth.errors import InvalidGrant
from libs.servicekit.events.consumer import Received
from services.token.domain.authorization.interaction import Step
from services.token.usecases.tokens.user_grants import ListUserGrants, RevokeUserGrants
from tests.storage.token.test_back_channel_logout import Outside, Replica
from tests.storage.token.world import World, asked
from tests.unit.token.parts import ALICE, BOB, NOON, a_session


@pytest.fixture
def list_grants(world: World) -> ListUserGrants:
    return ListUserGrants(view=world.work.reading, clients=world.clients, clock=world.clock)


@pytest.fixture
def revoke(world: World) -> RevokeUserGrants:
    return RevokeUserGrants(begin=world.work, clock=world.clock)


async def test_valid_grants_of_a_user_are_listed_most_recent_first(
    world: World, list_grants: ListUserGrants, revoke: RevokeUserGrants
) -> None:
    shop = await world.client(client_name="Shop")
    await world.tokens(shop)
    world.clock.move(timedelta(seconds=1))
    await world.tokens(shop, scope="openid offline_access")
    await world.tokens(shop, session=a_session(user_id=BOB))
    found = await list_grants(ALICE)
    assert [(each.client_name, each.grant.offline) for each in found] == [("Shop", True), ("Shop", False)]
    assert all(each.expires_at > world.clock.now() for each in found)
    assert await revoke(ALICE, client_id="") == 2
    assert await list_grants(ALICE) == []
    assert len(await list_grants(BOB)) == 1


async def test_operator_revokes_grants_of_one_client_and_its_consent(
    world: World, list_grants: ListUserGrants, revoke: RevokeUserGrants
) -> None:
    shop, other = await world.client(consent="required"), await world.client()
    session = a_session(at=NOON)
    request_id = asked(await world.ask(shop, session), Step.CONSENT)
    await world.back(request_id, session, allow=True)
    tokens = await world.tokens(other, scope="openid offline_access")
    assert await revoke(ALICE, client_id=shop.client_id) == 1
    assert await revoke(ALICE, client_id=shop.client_id) == 0

    assert [each.grant.client_id for each in await list_grants(ALICE)] == [other.client_id]
    await world.refresh(other, tokens["refresh_token"])
    asked(await world.ask(shop, session), Step.CONSENT)
    [revoked] = await world.events("token.revoked")
    assert (revoked["reason"], revoked["actortype"]) == ("revoked_by_operator", "admin")
    [withdrawn] = await world.events("consent.withdrawn")
    assert (withdrawn["data"]["client_id"], withdrawn["actortype"]) == (shop.client_id, "admin")


async def test_late_event_about_a_disabled_account_revokes_only_grants_from_before(world: World) -> None:
    """The operator has enabled the account again before the event arrives."""
    client = await world.client()
    before = await world.tokens(client, scope="openid offline_access")
    disabled_at = world.clock.now()
    world.clock.move(timedelta(minutes=1))
    after = await world.tokens(client, scope="openid offline_access")
    event = Received("e-1", "latchkey.account.disabled.v1", ALICE, {"user_id": ALICE}, time=disabled_at.isoformat())
    await Replica(world, Outside()).events.on_account_disabled(event)
    with pytest.raises(InvalidGrant):
        await world.refresh(client, before["refresh_token"])
    await world.refresh(client, after["refresh_token"])

"""Users list the applications they consented to and withdraw consent, on both databases."""

from typing import Any

import pytest

from libs.oauth.errors import InvalidGrant, InvalidToken
from services.token.domain.authorization.interaction import Step
from tests.storage.token.world import Registered, World, asked, sent
from tests.unit.token.parts import ALICE, BOB, MINUTE, NOON, a_session

pytestmark = pytest.mark.s(24, 56)


async def let_in(world: World, client: Registered, **changes: Any) -> dict[str, Any]:
    """The user consents on the page."""
    session = a_session(at=NOON)
    request_id = asked(await world.ask(client, session, **changes), Step.CONSENT)
    return await world.exchange(client, sent(await world.back(request_id, session, allow=True))["code"])


async def test_those_that_asked_and_those_that_never_had_to_are_listed_the_latest_first(world: World) -> None:
    asking = await world.client(consent="required", client_name="Asks")
    await let_in(world, asking)
    world.clock.move(MINUTE)
    own = await world.client(client_name="Own")
    await world.tokens(own)
    listed = await world.list_connections(ALICE)
    assert [client.metadata.client_name for client, _ in listed] == ["Own", "Asks"]
    assert {scope for _, allowed in listed for scope in allowed.scopes} == {"openid", "notes"}
    assert await world.list_connections(BOB) == []


async def test_a_client_that_is_gone_is_not_listed(world: World) -> None:
    client = await world.client()
    await world.tokens(client)
    await world.delete_client(client.client_id)
    assert await world.list_connections(ALICE) == []


async def test_what_is_taken_back_ends_and_has_to_be_asked_for_again(world: World) -> None:
    client = await world.client(consent="required", grant_types=["authorization_code", "refresh_token"])
    tokens = await let_in(world, client)
    await world.withdraw_consent(ALICE, client.client_id)
    with pytest.raises(InvalidToken):
        await world.get_userinfo(tokens["access_token"])
    with pytest.raises(InvalidGrant):
        await world.refresh(client, tokens["refresh_token"])
    asked(await world.ask(client, a_session(at=NOON)), Step.CONSENT)
    assert await world.list_connections(ALICE) == []


async def test_withdraw_consent_emits_one_event_for_consent_and_each_grant(world: World) -> None:
    client = await world.client(consent="required")
    await let_in(world, client)
    for _ in range(2):
        await world.withdraw_consent(ALICE, client.client_id)
    (withdrawn,) = await world.events("consent.withdrawn")
    assert (withdrawn["subject"], withdrawn["actortype"]) == (ALICE, "user")
    (revoked,) = await world.events("token.revoked")
    assert (revoked["reason"], revoked["actorid"]) == ("consent_withdrawn", ALICE)


async def test_withdraw_consent_does_not_affect_other_users(world: World) -> None:
    client, other = await world.client(consent="required"), await world.client()
    tokens = await let_in(world, client)
    for_other = await world.tokens(other)
    await world.withdraw_consent(BOB, client.client_id)
    await world.withdraw_consent(ALICE, "c_unknown")
    assert await world.get_userinfo(tokens["access_token"])
    await world.withdraw_consent(ALICE, client.client_id)
    assert await world.get_userinfo(for_other["access_token"])
    assert len(await world.events("consent.withdrawn")) == 1

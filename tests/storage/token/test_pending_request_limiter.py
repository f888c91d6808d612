"""Requests without client authentication are limited in number and rate (security checklist 62)."""

from typing import Any

import pytest

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.parameters import Parameters
from libs.servicekit.sql.database import Database
from services.token.adapters import pending_request_limiter
from tests.storage.token.world import BROWSER, World, sent
from tests.unit.token.parts import MINUTE, a_session, parameters_of

pytestmark = pytest.mark.s(62)
HERE, THERE, OFFICE = "192.0.2.0/24", "2001:db8:7::/48", "10.0.0.0/24"


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    """With room for a handful of requests."""
    monkeypatch.setattr(pending_request_limiter, "OF_ONE", 5_000)
    monkeypatch.setattr(pending_request_limiter, "OF_ALL", 20_000)
    return World(database)


async def ask(world: World, client_id: str, *, network: str, **options: Any) -> Any:
    pairs = list(parameters_of(client_id=client_id).items())
    whole = {"browser_secret": BROWSER, "session": None, "defer": False, **options}
    return await world.authorize(pairs, network=network, **whole)


async def until_full(world: World, client_id: str, *, network: str, **options: Any) -> tuple[int, str]:
    """How many were stored, and why no more."""
    before = len(await world.rows("pending_requests"))

    async def many() -> None:
        for _ in range(100):
            await ask(world, client_id, network=network, **options)

    with pytest.raises(TemporarilyUnavailable) as refusal:
        await many()
    assert refusal.value.retry_after
    return len(await world.rows("pending_requests")) - before, refusal.value.reason


@pytest.mark.parametrize("defer", [False, True])
async def test_one_network_fills_its_share_and_others_have_theirs(world: World, *, defer: bool) -> None:
    client = (await world.client()).client_id
    stored, reason = await until_full(world, client, network=HERE, defer=defer)
    assert 2 <= stored <= 9
    assert reason == "STORED_REQUESTS_OF_ONE"
    assert len(await world.rows("pending_requests")) == stored
    assert (await until_full(world, client, network=THERE, defer=defer))[0] == stored
    world.clock.move(MINUTE)
    assert (await until_full(world, client, network=HERE, defer=defer))[0] == stored


async def test_all_of_them_together_have_a_share_as_well(world: World) -> None:
    client = (await world.client()).client_id
    stored, reason = await until_full(world, client, network=OFFICE)
    assert (stored > 9, reason) == (True, "STORED_REQUESTS_OF_ALL")


async def test_who_is_signed_in_is_not_anonymous(world: World) -> None:
    client = (await world.client()).client_id
    await until_full(world, client, network=HERE)
    assert sent(await ask(world, client, network=HERE, session=a_session()))["code"]


async def test_a_client_that_proves_who_it_is_has_a_share_of_its_own(world: World) -> None:
    confidential = await world.client()
    public = await world.client(token_endpoint_auth_method="none")
    await until_full(world, public.client_id, network=HERE)
    for client, network, is_full in ((public, HERE, True), (public, THERE, False), (confidential, HERE, False)):
        form = Parameters(parameters_of(client_id=client.client_id))
        if is_full:
            with pytest.raises(TemporarilyUnavailable):
                await world.push(client.credentials, form, network=network)
        else:
            await world.push(client.credentials, form, network=network)

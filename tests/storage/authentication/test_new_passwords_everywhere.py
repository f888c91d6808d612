"""One policy judges new passwords, whichever way they come."""

from collections.abc import Awaitable, Callable

import pytest

from libs.oauth.errors import InvalidRequest
from services.authentication.usecases.accounts.create_user import NewUser
from tests.storage.authentication.test_password_resets import forgotten
from tests.storage.authentication.world import ORIGIN, PASSWORD, World

Way = Callable[[World, str], Awaitable[None]]


async def created(world: World, password: str) -> None:
    await world.create_user(NewUser("carol", password, {}), operator="cli")


async def set_by_operator(world: World, password: str) -> None:
    await world.set_password("alice", password, operator="cli")


async def changed(world: World, password: str) -> None:
    here = await world.signed_in()
    await world.change_password(here.session_secret, PASSWORD, password, origin=ORIGIN)


async def reset(world: World, password: str) -> None:
    await world.reset_password(await forgotten(world), password)


WAYS = pytest.mark.parametrize("way", [created, set_by_operator, changed, reset])


@pytest.fixture(autouse=True)
async def alice(world: World) -> None:
    await world.user("alice", name="Alice Liddell", email="alice@example.com")


@pytest.mark.s(50)
@WAYS
@pytest.mark.parametrize(
    ("password", "reason"),
    [("short", "PASSWORD_TOO_SHORT"), ("x" * 1_025, "PASSWORD_TOO_LONG"), ("password1", "PASSWORD_COMMON")],
)
async def test_invalid_new_password_is_refused_in_every_way(world: World, way: Way, password: str, reason: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await way(world, password)
    assert refusal.value.reason == reason
    assert not await world.events("password.changed")


@pytest.mark.s(50)
@WAYS
async def test_what_was_stolen_elsewhere_is_refused_everywhere(world: World, way: Way) -> None:
    world.stolen = {"correct horse battery staple"}
    with pytest.raises(InvalidRequest) as refusal:
        await way(world, "correct horse battery staple")
    assert refusal.value.reason == "PASSWORD_BREACHED"


@pytest.mark.s(66)
@WAYS
async def test_password_is_accepted_with_an_event_when_the_breach_service_is_unavailable(
    world: World, way: Way
) -> None:
    world.breach_service_unavailable = True
    await way(world, "correct horse battery staple")
    emitted = await world.events("password.unchecked")
    assert len(emitted) == 1
    assert "correct horse" not in await world.outbox_text()


@pytest.mark.s(50)
@pytest.mark.parametrize("way", [set_by_operator, changed, reset])
async def test_password_with_data_of_the_user_is_weak(world: World, way: Way) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await way(world, "liddell1")
    assert refusal.value.reason == "PASSWORD_OF_PERSON"

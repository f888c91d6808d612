"""What makes earlier grants of a user invalid is stored with the account: the token service reads it at every use."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from libs.oauth.errors import OAuthError
from tests.storage.authentication.test_password_resets import token_of
from tests.storage.authentication.world import IDLE, ORIGIN, PASSWORD, World

NEW = "another password of hers"


async def _set_by_operator(world: World) -> None:
    await world.set_password("alice", NEW, operator="cli")


async def _changed_by_user(world: World) -> None:
    signed_in = await world.signed_in()
    await world.change_password(signed_in.session_secret, PASSWORD, NEW, origin=ORIGIN)


async def _reset_by_link(world: World) -> None:
    await world.request_reset("alice", locale="en", origin=ORIGIN)
    [mail] = await world.mails()
    await world.reset_password(token_of(mail), NEW)


async def _factors_reset(world: World) -> None:
    await world.with_app(await world.signed_in())
    await world.reset_factors("alice", operator="cli")


@pytest.mark.s(36)
@pytest.mark.parametrize("cause", [_set_by_operator, _changed_by_user, _reset_by_link, _factors_reset])
async def test_cause_of_revocation_is_returned_with_the_account(
    world: World, cause: Callable[[World], Awaitable[None]]
) -> None:
    alice = await world.user("alice", email="alice@example.org", email_verified=True)
    before = await world.get_account(alice.id, session_id="", claims=[])
    assert before is not None
    assert before.grants_not_before is None
    world.clock.move(IDLE / 2)
    await cause(world)
    changed_at = world.clock.now()
    world.clock.move(timedelta(seconds=1))
    after = await world.get_account(alice.id, session_id="", claims=[])
    assert after is not None
    assert after.grants_not_before == changed_at


@pytest.mark.s(36)
async def test_disabled_account_keeps_the_time_in_case_it_is_enabled_again(world: World) -> None:
    alice = await world.user("alice")
    await world.disable_user("alice", operator="cli")
    [row] = await world.users()
    assert (row.id, row.grants_not_before) == (alice.id, world.clock.now())


async def test_refused_change_makes_no_grant_invalid(world: World) -> None:
    alice = await world.user("alice")
    signed_in = await world.signed_in()
    with pytest.raises(OAuthError):
        await world.change_password(signed_in.session_secret, "not the password", NEW, origin=ORIGIN)
    found = await world.get_account(alice.id, session_id="", claims=[])
    assert found is not None
    assert found.grants_not_before is None

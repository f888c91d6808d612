"""What a sign-in that fails tells, costs and leaves behind, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from libs.oauth.errors import AccessDenied, TemporarilyUnavailable
from services.authentication.adapters.password_pool import PasswordPool
from services.authentication.usecases.sessions.start_session import SignedIn
from tests.storage.authentication.world import World, attempt
from tests.support.databases import statements


async def _unknown(_world: World) -> str:
    return "unknown"


async def _wrong_password(world: World) -> str:
    await world.set_password("alice", "another-password", operator="cli")
    return "alice"


async def _disabled(world: World) -> str:
    await world.disable_user("alice", operator="cli")
    return "alice"


@pytest.mark.s(46)
@pytest.mark.parametrize("cause", [_unknown, _wrong_password, _disabled])
async def test_every_refusal_is_the_same_at_the_same_price(
    world: World, alice: str, cause: Callable[[World], Awaitable[str]]
) -> None:
    username = await cause(world)
    operations = world.passwords.operations

    with statements(world.database) as sent, pytest.raises(AccessDenied) as refusal:
        await world.signed_in(username)

    error = refusal.value
    assert (error.description, error.reason) == ("Username or password is incorrect.", "WRONG_CREDENTIALS")
    assert (error.redirectable, error.retry_after) == (False, None)
    assert world.passwords.operations - operations == 1
    # Failures and credentials are read, the failure is counted, and what the outbox needs for one event.
    assert len(sent) == 5
    assert not await world.sessions()


@pytest.mark.s(46, 50)
@pytest.mark.parametrize("username", ["", " ", "a\x00b", "two words", "x" * 100_000, "alice"])
async def test_odd_input_is_refused_like_a_wrong_password(world: World, alice: str, username: str) -> None:
    for password in ("", "\x00", "x" * 100_000):
        with pytest.raises(AccessDenied) as refusal:
            await world.sign_in(attempt(username, password))
        assert refusal.value.reason == "WRONG_CREDENTIALS"


async def test_failed_login_of_a_known_user_emits_an_event_with_the_user_id(world: World, alice: str) -> None:
    with pytest.raises(AccessDenied):
        await world.signed_in(password="wrong-password")

    [failed] = await world.events("login.failed")
    assert (failed["subject"], failed["outcome"], failed["reason"]) == (alice, "failure", "wrong_credentials")
    assert failed["data"] == {
        "user_id": alice,
        "client_id": "c_shop",
        "ip_prefix": "192.0.2.0/24",
        "reason": "REASON_WRONG_CREDENTIALS",
    }
    assert "actorid" not in failed


async def test_a_failed_login_of_a_disabled_account_says_so_to_subscribers_only(world: World, alice: str) -> None:
    await world.disable_user("alice", operator="cli")
    with pytest.raises(AccessDenied):
        await world.signed_in()

    [failed] = await world.events("login.failed")
    assert (failed["subject"], failed["reason"]) == (alice, "account_disabled")


@pytest.mark.s(60, 62)
async def test_failed_login_of_an_unknown_user_emits_an_event_without_the_typed_name(world: World) -> None:
    for typed in ("My-Secret-Password", "my-secret-password", "another-secret"):
        with pytest.raises(AccessDenied):
            await world.signed_in(typed)

    first, same, other = await world.events("login.failed")
    assert "user_id" not in first["data"]
    assert first["subject"] == same["subject"] != other["subject"]
    assert first["subject"].startswith("unknown-")
    assert "secret" not in (await world.outbox_text()).lower()


async def test_a_refused_sign_in_leaves_the_session_of_the_browser_alone(world: World, alice: str) -> None:
    present = await world.signed_in()
    with pytest.raises(AccessDenied):
        await world.signed_in(session_secret=present.session_secret, password="wrong-password")
    assert await world.live(present)


@pytest.mark.s(47)
@pytest.mark.usefixtures("real_password_hasher")
async def test_a_full_queue_refuses_at_once_and_changes_nothing(
    world: World, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = PasswordPool(workers=1, queue=0)
    monkeypatch.setattr(world.sign_in, "_passwords", full)
    answers = await asyncio.gather(*(world.signed_in() for _ in range(4)), return_exceptions=True)
    full.close()

    # Whichever comes first; on a slow machine a second one may come when that has been served.
    signed_in = [answer for answer in answers if isinstance(answer, SignedIn)]
    refused = [answer for answer in answers if isinstance(answer, TemporarilyUnavailable) and answer.retry_after == 2]
    assert 0 < len(signed_in) < 4
    assert len(signed_in) + len(refused) == 4
    assert len(await world.sessions()) == len(signed_in)
    assert not await world.events("login.failed")

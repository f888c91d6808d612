"""Each state change emits one event in its transaction; a rolled-back transaction emits none."""

import ast
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import services.token
from latchkey.events.v1 import events_pb2
from libs.oauth.errors import OAuthError
from services.token import events
from services.token.domain.authorization.interaction import Step
from tests.storage.token.world import BROWSER, LIFETIMES, World, asked
from tests.unit.token.parts import ALICE, MINUTE, REDIRECT_URI, a_session

Story = Callable[[World], Awaitable[object]]
SERVICE = Path(str(services.token.__file__)).parent


async def _create(world: World) -> None:
    await world.machine()


async def _update(world: World) -> None:
    client = await world.machine()
    await world.update_client(client.client_id, {"client_name": "New"})


async def _rotate(world: World) -> None:
    client = await world.machine()
    await world.rotate_secret(client.client_id, overlap=timedelta(0))


async def _delete(world: World) -> None:
    client = await world.client()
    await world.tokens(client)
    await world.delete_client(client.client_id)


async def _register(world: World) -> None:
    by = world.registrations("open")
    made = await by.register(REGISTRATION, initial_token=None, remote_address="192.0.2.1")
    client_id = made.client.client_id
    await by.read(client_id, made.token)
    await by.change(client_id, made.token, {**REGISTRATION, "client_id": client_id})
    with suppress(OAuthError):
        await by.change(client_id, "wrong", {**REGISTRATION, "client_id": client_id})
    await by.delete(client_id, made.token)


async def _forget(world: World) -> None:
    await world.registrations("open").register(REGISTRATION, initial_token=None, remote_address="192.0.2.1")
    world.clock.move(LIFETIMES.registration + MINUTE)
    await world.remove_unused_clients()


async def _let_register(world: World) -> None:
    made = await world.create_initial_token(uses=1, life=timedelta(hours=1))
    await world.revoke_initial_token(made.record.token_id)


async def _consent(world: World) -> None:
    client = await world.client(consent="required")
    request_id = asked(await world.ask(client, a_session()), Step.CONSENT)
    await world.resume(request_id, browser_secret=BROWSER, session=a_session(), allow=True)


async def _deny(world: World) -> None:
    client = await world.client(consent="required")
    request_id = asked(await world.ask(client, a_session()), Step.CONSENT)
    await world.deny(request_id, browser_secret=BROWSER, session=a_session())


async def _withdraw(world: World) -> None:
    client = await world.client()
    await world.tokens(client)
    for _ in range(2):
        await world.withdraw_consent(ALICE, client.client_id)


async def _authorize(world: World) -> None:
    client = await world.client()
    await world.code(client)
    asked(await world.ask(client), Step.SIGN_IN)
    await world.ask(client, a_session(), scope="admin")


async def _exchange(world: World) -> None:
    await world.tokens(await world.client())


async def _replay(world: World) -> None:
    client = await world.client()
    code = await world.code(client)
    await world.exchange(client, code)
    for _ in range(2):
        with suppress(OAuthError):
            await world.exchange(client, code)


async def _refresh(world: World) -> None:
    client = await world.client()
    tokens = await world.tokens(client)
    await world.refresh(client, tokens["refresh_token"])


async def _reuse(world: World) -> None:
    client = await world.client()
    tokens = await world.tokens(client)
    await world.refresh(client, tokens["refresh_token"])
    world.clock.move(MINUTE)
    for _ in range(2):
        with suppress(OAuthError):
            await world.refresh(client, tokens["refresh_token"])


async def _machine(world: World) -> None:
    await world.token(await world.machine(), grant_type="client_credentials")


async def _give_back(world: World) -> None:
    client = await world.client()
    tokens = await world.tokens(client)
    for name in ("access_token", "refresh_token"):
        await world.revoke(client, tokens[name])


async def _look(world: World) -> None:
    client = await world.client()
    tokens = await world.tokens(client)
    await world.get_userinfo(tokens["access_token"])
    await world.check_logout([("client_id", client.client_id)], None)
    await world.describe(asked(await world.ask(client), Step.SIGN_IN), browser_secret=BROWSER)
    await world.list_clients(size=0, after=None)


REGISTRATION = {"redirect_uris": [REDIRECT_URI]}
BOUGHT = ["client.created", "code.redeemed", "token.issued"]
STORIES: dict[Story, list[str]] = {
    _create: ["client.created"],
    _update: ["client.created", "client.updated"],
    _rotate: ["client.created", "client.secret_rotated"],
    _delete: [*BOUGHT, "token.revoked", "client.deleted"],
    _register: ["client.created", "client.updated", "client.deleted"],
    _forget: ["client.created", "client.deleted"],
    _let_register: ["admin.acted", "admin.acted"],
    _consent: ["client.created", "consent.granted"],
    _deny: ["client.created", "consent.denied"],
    _withdraw: [*BOUGHT, "token.revoked", "consent.withdrawn"],
    _authorize: ["client.created"],
    _exchange: BOUGHT,
    _replay: [*BOUGHT, "code.replayed", "token.revoked"],
    _refresh: [*BOUGHT, "token.refreshed"],
    _reuse: [*BOUGHT, "token.refreshed", "token.reuse_detected", "token.revoked"],
    _machine: ["client.created"],
    _give_back: [*BOUGHT, "token.revoked", "token.revoked"],
    _look: BOUGHT,
}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__.strip("_"))
async def test_the_outbox_holds_exactly_what_became_true(world: World, story: Story) -> None:
    await story(world)
    events = await world.events()
    assert await world.event_types() == STORIES[story]
    subjects: dict[str, list[int]] = {}
    for event in events:
        subjects.setdefault(event["subject"], []).append(event["subjectseq"])
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in subjects.values())


FAILURES = [(story, name) for story, names in STORIES.items() for name in dict.fromkeys(names)]


@pytest.mark.parametrize(("story", "name"), FAILURES, ids=lambda value: getattr(value, "__name__", value))
async def test_change_is_rolled_back_when_its_event_cannot_be_written(
    world: World, story: Story, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the outbox fails at one event of a story, everything is as others saw it before that transaction."""
    write = world.work._outbox.write
    seen_by_others: list[str] = []

    async def fails_at_the_event(session: Any, emitted: Any) -> None:
        if name in {event.name for event in emitted}:
            seen_by_others.append(await world.all_kept())
            raise RuntimeError("no room in the outbox")
        await write(session, emitted)

    monkeypatch.setattr(world.work._outbox, "write", fails_at_the_event)
    with pytest.raises(RuntimeError, match="no room"):
        await story(world)
    assert [await world.all_kept()] == seen_by_others
    assert name not in await world.event_types()


def _calls_of_events(path: Path) -> set[str]:
    """Names of the functions of events.py that a module calls."""
    tree = ast.parse(path.read_text())
    return {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "events"
    }


EMITTED_ELSEWHERE = {"telemetry_gap"}
"""Expected by test_telemetry.py."""


async def test_every_event_that_a_use_case_tells_is_expected_by_a_story(world: World) -> None:
    """Fails when a use case gains an event, or events.py a function, that no story here expects."""
    emitted = {name for path in SERVICE.rglob("*.py") if path.name != "events.py" for name in _calls_of_events(path)}
    user_allowed = {name.replace(".", "_") for names in STORIES.values() for name in names}
    assert emitted - EMITTED_ELSEWHERE == user_allowed
    defined = {
        node.name
        for node in ast.parse((SERVICE / "events.py").read_text()).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }
    assert defined == emitted


def _published_by_the_token_service() -> set[str]:
    options = [
        message.GetOptions().Extensions[events_pb2.event]
        for message in events_pb2.DESCRIPTOR.message_types_by_name.values()
    ]
    return {option.name for option in options if option.producer == "token"}


def test_the_contract_lists_what_the_service_tells() -> None:
    user_allowed = {name for names in STORIES.values() for name in names} | {"token.telemetry_gap"}
    assert user_allowed <= _published_by_the_token_service()


@pytest.mark.s(60)
async def test_no_event_carries_a_name_an_address_or_a_secret(world: World) -> None:
    for story in STORIES:
        await story(world)
    emitted: Any = await world.events()
    text = repr(emitted)
    for word in ("alice", "example.com", "REDIRECT", "a state", "a nonce", BROWSER):
        assert word not in text


def test_events_are_made_in_one_place() -> None:
    """Event constructors are the only place that builds events, so their subjects are consistent."""
    makers = [path for path in SERVICE.rglob("*.py") if "import Actor" in path.read_text()]
    assert [path.name for path in makers] == ["events.py"]
    assert callable(events.telemetry_gap)

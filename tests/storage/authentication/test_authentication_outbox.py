"""Events match the changes in the database, in any order of operations: none lost, none invented."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from libs.oauth.errors import OAuthError
from tests.storage.authentication.world import ORIGIN, PASSWORD, World

USERS = ("alice", "bob")
Step = Callable[[], Coroutine[Any, Any, object]]


def _steps(world: World, chance: random.Random, secrets: list[str]) -> list[Step]:
    async def sign_in() -> None:
        name = chance.choice([*USERS, "unknown"])
        password = chance.choice([PASSWORD, PASSWORD, "wrong-password"])
        signed_in = await world.signed_in(name, password=password, session_secret=chance.choice(secrets))
        secrets.append(signed_in.session_secret)

    return [
        sign_in,
        sign_in,
        lambda: world.end_session(chance.choice(secrets), origin=ORIGIN),
        lambda: world.get_session(chance.choice(secrets)),
        lambda: world.set_password(chance.choice(USERS), PASSWORD, operator="cli"),
        lambda: world.disable_user("bob", operator="cli"),
        world.touch,
        world.sweep,
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_outbox_contains_one_event_for_each_change(world: World, seed: int) -> None:
    chance = random.Random(seed)
    for name in USERS:
        await world.user(name)
    secrets = [""]
    steps = _steps(world, chance, secrets)
    for _ in range(12):
        await asyncio.gather(*(_carry_on(chance.choice(steps)) for _ in range(4)))
        world.clock.move(timedelta(minutes=chance.randrange(240)))
    await world.check_books(forgotten=await _forgotten(world))


async def _carry_on(step: Step) -> None:
    with suppress(OAuthError):
        await step()


async def _forgotten(world: World) -> frozenset[str]:
    created = {event["data"]["session_id"] for event in await world.events("session.created")}
    return frozenset(created - {row.id for row in await world.sessions()})


async def test_the_events_about_one_subject_are_numbered_without_a_gap(world: World, alice: str) -> None:
    await asyncio.gather(*(world.signed_in() for _ in range(4)))
    await world.disable_user("alice", operator="cli")
    numbers = [event["subjectseq"] for event in await world.events() if event["subject"] == alice]
    assert numbers == list(range(1, len(numbers) + 1))

"""The time of a refusal does not reveal whether an account exists (measured; elsewhere the work is counted)."""

import time
from statistics import median

import pytest

from libs.oauth.errors import AccessDenied
from services.authentication.domain.sessions.origin import Origin
from services.authentication.usecases.sign_in.sign_in import Attempt
from tests.storage.authentication.world import World

ROUNDS = 31
TOLERANCE = 0.25
"""Of the longer median. What makes up a refusal's time is one hash; without it there would be a tenth of it left."""


@pytest.fixture(autouse=True)
def password_hasher() -> None:
    """Keeps the real parameters of argon2id, whose time is measured."""


async def seconds_to_refuse(world: World, username: str, number: int) -> float:
    # From another network each time, so that no request is throttled.
    attempt = Attempt(username, "not the password", origin=Origin(ip_prefix=f"198.51.{number}.0/24"))
    began = time.perf_counter()
    with pytest.raises(AccessDenied):
        await world.sign_in(attempt)
    return time.perf_counter() - began


@pytest.mark.s(46)
async def test_sign_in_refusal_takes_the_same_time_for_known_unknown_and_disabled_accounts(world: World) -> None:
    await world.user("alice")
    await world.user("carol")
    await world.disable_user("carol", operator="cli")
    taken: dict[str, list[float]] = {name: [] for name in ("alice", "unknown", "carol")}
    for number in range(ROUNDS):
        for name, times in taken.items():  # in turn: whatever else the machine does comes to all alike
            times.append(await seconds_to_refuse(world, name, number))
    medians = {name: median(times) for name, times in taken.items()}
    assert max(medians.values()) - min(medians.values()) < TOLERANCE * max(medians.values()), medians

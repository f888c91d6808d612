"""A new pepper: secrets go on under the former one, move to the new one as they are used, and need it no more."""

from collections.abc import Sequence
from typing import Any

import pytest

from libs.oauth.client_authentication import ASSERTION_TYPE, BASIC, Credentials, read_credentials
from libs.oauth.errors import InvalidClient, TemporarilyUnavailable
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason
from services.token.domain.clients.client import Client
from services.token.usecases.clients.authenticate_client import AuthenticateClient
from tests.storage.token.test_client_secret_jwt import a_machine, assertion
from tests.storage.token.world import PEPPER, Registered, World
from tests.unit.token.parts import ISSUER, MINUTE

NEW = b"n" * 32


def _authenticating(world: World, peppers: Sequence[bytes], begin: Any = None) -> AuthenticateClient:
    return AuthenticateClient(
        begin or world.work,
        clients=world.clients,
        signed=world.client_keys,
        peppers=peppers,
        issuer=ISSUER,
        audiences=[ISSUER],
    )


async def _by_secret(world: World, client: Registered, peppers: Sequence[bytes], secret: str = "") -> Client:
    credentials = Credentials(client.client_id, BASIC, secret or client.secret)
    return await _authenticating(world, peppers)(credentials, now=world.clock.now())


async def _by_signature(world: World, client: Registered, peppers: Sequence[bytes], jti: str) -> Client:
    form = Parameters({"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion(client, jti=jti)})
    return await _authenticating(world, peppers)(read_credentials(None, form), now=world.clock.now())


async def test_a_secret_moves_to_the_new_pepper_when_it_is_shown(world: World) -> None:
    client = await world.machine()
    for peppers in ([PEPPER], [PEPPER, NEW]):
        await _by_secret(world, client, peppers)
    with pytest.raises(InvalidClient):
        await _by_secret(world, client, [NEW])
    await _by_secret(world, client, [NEW, PEPPER])
    await _by_secret(world, client, [NEW])
    with pytest.raises(InvalidClient):
        await _by_secret(world, client, [PEPPER])


async def test_both_secrets_of_a_client_move_each_when_it_is_shown(world: World) -> None:
    client = await world.machine()
    rotated = await world.rotate_secret(client.client_id, overlap=60 * MINUTE)
    await _by_secret(world, client, [NEW, PEPPER])
    await _by_secret(world, client, [NEW])
    with pytest.raises(InvalidClient):
        await _by_secret(world, client, [NEW], rotated.secret)
    await _by_secret(world, client, [NEW, PEPPER], rotated.secret)
    await _by_secret(world, client, [NEW], rotated.secret)
    world.clock.move(60 * MINUTE)
    with pytest.raises(InvalidClient):
        await _by_secret(world, client, [NEW])


async def test_a_secret_that_signs_moves_when_it_has_signed(world: World) -> None:
    client = await a_machine(world)
    await _by_signature(world, client, [PEPPER, NEW], "1")
    await _by_signature(world, client, [NEW, PEPPER], "2")
    await _by_signature(world, client, [NEW], "3")


async def test_a_wrong_secret_moves_nothing(world: World) -> None:
    client = await world.machine()
    with pytest.raises(InvalidClient):
        await _by_secret(world, client, [NEW, PEPPER], "wrong")
    await _by_secret(world, client, [PEPPER])


async def test_a_client_is_let_in_though_its_secret_cannot_be_moved_now(world: World) -> None:
    client = await world.machine()

    def away() -> Any:
        raise TemporarilyUnavailable(reason=Reason.DATABASE_UNAVAILABLE)

    credentials = Credentials(client.client_id, BASIC, client.secret)
    await _authenticating(world, [NEW, PEPPER], away)(credentials, now=world.clock.now())
    await _by_secret(world, client, [PEPPER])

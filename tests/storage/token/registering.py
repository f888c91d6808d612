"""Clients that register themselves, for tests."""

from datetime import timedelta
from typing import Any

from services.token.http.register import Registrations
from services.token.usecases.clients.register_client import NewRegistration
from tests.storage.token.world import Registered
from tests.unit.token.parts import REDIRECT_URI

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MEMBERS: dict[str, Any] = {"redirect_uris": [REDIRECT_URI], "client_name": "Theirs"}


async def register(
    by: Registrations, token: str | None = None, *, address: str = "192.0.2.1", **members: Any
) -> NewRegistration:
    return await by.register({**MEMBERS, **members}, initial_token=token, remote_address=address)


def as_registered(made: NewRegistration) -> Registered:
    return Registered(made.client.client_id, made.secret)

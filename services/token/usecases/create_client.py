"""A new client (RFC 7591 3.1, by an operator)."""

from collections.abc import Mapping
from typing import Any

from libs.crypto.random import new_client_id
from libs.oauth.client_metadata import parse_metadata
from libs.servicekit.clock import Clock
from services.token import facts
from services.token.domain.clients import Client
from services.token.domain.new_secrets import NewSecret, make_secret
from services.token.ports import Begin


class CreateClient:
    def __init__(self, begin: Begin, *, pepper: bytes, clock: Clock) -> None:
        self._begin = begin
        self._pepper = pepper
        self._clock = clock

    async def __call__(self, members: Mapping[str, Any]) -> NewSecret:
        """The client, and its secret if it uses one. Raises InvalidClientMetadata or InvalidRedirectUri."""
        now = self._clock.now()
        metadata = parse_metadata(members)
        client_id = new_client_id()
        plain, secret = make_secret(self._pepper, client_id, metadata)
        made = Client(client_id, metadata, (secret,) if metadata.has_secret else (), created_at=now, updated_at=now)
        async with self._begin() as work:
            await work.clients.add(made)
            work.emit(facts.client_created(made.client_id, client_name=metadata.client_name))
        return NewSecret(made, plain if metadata.has_secret else "")

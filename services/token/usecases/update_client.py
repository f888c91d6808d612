"""A client's metadata are changed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from libs.oauth.client_metadata import ClientMetadata, parse_metadata
from libs.servicekit.clock import Clock
from libs.servicekit.facts import Actor
from services.token import facts
from services.token.domain.clients import Client, known
from services.token.domain.new_secrets import NewSecret, make_secret, usable_secrets
from services.token.ports import Begin, ClientDirectory, Work


class UpdateClient:
    def __init__(self, begin: Begin, *, pepper: bytes, directory: ClientDirectory, clock: Clock) -> None:
        self._begin = begin
        self._pepper = pepper
        self._directory = directory
        self._clock = clock

    async def __call__(self, client_id: str, changes: Mapping[str, Any]) -> NewSecret:
        """Members given are replaced, null ones take their default. A client that comes to need a secret gets one.

        Raises:
            InvalidRequest: CLIENT_UNKNOWN.
            InvalidClientMetadata, InvalidRedirectUri: the result would not hold together.
        """
        async with self._begin() as work:
            client = known(await work.clients.find_for_update(client_id))
            metadata = parse_metadata({**client.metadata.to_json(), **changes})
            changed = await self.save(work, client, metadata, actor=facts.ADMIN)
        self._directory.forget()
        return changed

    async def save(self, work: Work, client: Client, metadata: ClientMetadata, *, actor: Actor) -> NewSecret:
        """The client with these metadata from now on, within a transaction that found it for update.

        The caller makes the directory forget it, once that is committed.
        """
        plain, secrets = "", usable_secrets(client.secrets, metadata)
        if metadata.has_secret and not secrets:
            plain, secret = make_secret(self._pepper, client.client_id, metadata)
            secrets = (secret,)
        client = replace(client, metadata=metadata, secrets=secrets, updated_at=self._clock.now())
        await work.clients.save(client)
        work.emit(facts.client_updated(client.client_id, actor=actor))
        return NewSecret(client, plain)

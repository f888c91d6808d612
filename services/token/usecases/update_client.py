"""A client's metadata are changed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from libs.oauth.client_metadata import parse_metadata
from libs.servicekit.clock import Clock
from services.token import facts
from services.token.domain.clients import known
from services.token.domain.new_secrets import NewSecret, make_secret, usable_secrets
from services.token.ports import Begin, ClientDirectory


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
        plain = ""
        async with self._begin() as work:
            client = known(await work.clients.find_for_update(client_id))
            metadata = parse_metadata({**client.metadata.to_json(), **changes})
            secrets = usable_secrets(client.secrets, metadata)
            if metadata.has_secret and not secrets:
                plain, secret = make_secret(self._pepper, client_id, metadata)
                secrets = (secret,)
            client = replace(client, metadata=metadata, secrets=secrets, updated_at=self._clock.now())
            await work.clients.save(client)
            work.emit(facts.client_updated(client_id))
        self._directory.forget()
        return NewSecret(client, plain)

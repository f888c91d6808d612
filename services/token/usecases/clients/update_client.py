"""Updates the metadata of a client."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from libs.oauth.client_metadata import ClientMetadata, parse_metadata
from libs.servicekit.base.clock import Clock
from services.token import events
from services.token.domain.clients.client import Client, require_client
from services.token.domain.clients.client_secrets import NewSecret, make_secret, usable_secrets
from services.token.ports.clients import ClientDirectory
from services.token.ports.work import Begin, View, Writer
from services.token.usecases.clients.check_sector import CheckedSector, CheckSector


@dataclass(frozen=True, kw_only=True)
class UpdateClient:
    begin: Begin
    view: View
    check_sector: CheckSector
    pepper: bytes
    directory: ClientDirectory
    clock: Clock

    async def __call__(self, client_id: str, changes: Mapping[str, Any]) -> NewSecret:
        """Members given are replaced, null ones take their default. A client that comes to need a secret gets one.

        Raises:
            InvalidRequest: CLIENT_UNKNOWN; CLIENT_CHANGED_MEANWHILE, by a concurrent request.
            InvalidClientMetadata, InvalidRedirectUri: the result would not hold together.
        """
        async with self.view() as view:
            client = require_client(await view.clients.find(client_id))
        checked = await self.check_sector(_changed(client, changes), before=client.metadata)
        async with self.begin() as work:
            client = require_client(await work.clients.find_for_update(client_id))
            changed = await self.save(work, client, _changed(client, changes), checked, by="operator")
        self.directory.forget()
        return changed

    async def save(
        self, work: Writer, client: Client, metadata: ClientMetadata, checked: CheckedSector, *, by: events.By
    ) -> NewSecret:
        """The client with these metadata from now on, within a transaction that found it for update.

        The caller makes the directory forget it, once that is committed.

        Args:
            checked: by `check_sector`, before the transaction began.
        """
        now = self.clock.now()
        await self.check_sector.hold(work, metadata, checked, now=now)
        plain, secrets = "", usable_secrets(client.secrets, metadata)
        if metadata.has_secret and not secrets:
            plain, secret = make_secret(self.pepper, client.client_id, metadata)
            secrets = (secret,)
        client = replace(client, metadata=metadata, secrets=secrets, updated_at=now)
        await work.clients.save(client)
        work.emit(events.client_updated(client.client_id, by=by))
        return NewSecret(client, plain)


def _changed(client: Client, changes: Mapping[str, Any]) -> ClientMetadata:
    return parse_metadata({**client.metadata.to_json(), **changes})

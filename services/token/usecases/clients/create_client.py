"""A new client."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from libs.crypto.random import new_client_id
from libs.oauth.client_metadata import ClientMetadata, parse_metadata
from libs.servicekit.base.clock import Clock
from services.token import events
from services.token.domain.clients.client import Client
from services.token.domain.clients.client_secrets import NewSecret, make_secret
from services.token.domain.clients.registrations import Registration
from services.token.ports.work import Begin, Writer
from services.token.usecases.clients.check_sector import CheckedSector, CheckSector


@dataclass(frozen=True, kw_only=True)
class CreateClient:
    begin: Begin
    check_sector: CheckSector
    pepper: bytes
    clock: Clock

    async def __call__(self, members: Mapping[str, Any]) -> NewSecret:
        """By an operator: the client, and its secret if it uses one.

        Raises:
            InvalidClientMetadata, InvalidRedirectUri: a value is invalid.
        """
        metadata = parse_metadata(members)
        checked = await self.check_sector(metadata)
        async with self.begin() as work:
            return await self.add(work, metadata, checked)

    async def add(
        self,
        work: Writer,
        metadata: ClientMetadata,
        checked: CheckedSector,
        *,
        registration: Registration | None = None,
    ) -> NewSecret:
        """The same within the caller's transaction; with a registration, the client has made itself.

        Args:
            checked: by `check_sector`, before the transaction began.
        """
        now = self.clock.now()
        await self.check_sector.hold(work, metadata, checked, now=now)
        client_id = new_client_id()
        plain, secret = make_secret(self.pepper, client_id, metadata)
        made = Client(
            client_id,
            metadata,
            (secret,) if metadata.has_secret else (),
            created_at=now,
            updated_at=now,
            registration=registration,
        )
        await work.clients.add(made)
        by: events.By = "itself" if registration else "operator"
        work.emit(events.client_created(made.client_id, client_name=metadata.client_name, by=by))
        return NewSecret(made, plain if metadata.has_secret else "")

"""Rotates a client secret; the old secret may stay valid for an overlap."""

from dataclasses import dataclass, replace
from datetime import timedelta

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.token import events
from services.token.domain.clients.client import require_client
from services.token.domain.clients.client_secrets import NewSecret, make_secret
from services.token.ports.clients import ClientDirectory
from services.token.ports.work import Begin


@dataclass(frozen=True, kw_only=True)
class RotateClientSecret:
    begin: Begin
    pepper: bytes
    directory: ClientDirectory
    clock: Clock

    async def __call__(self, client_id: str, *, overlap: timedelta) -> NewSecret:
        """Raises InvalidRequest: CLIENT_UNKNOWN, or CLIENT_HAS_NO_SECRET."""
        now = self.clock.now()
        async with self.begin() as work:
            client = require_client(await work.clients.find_for_update(client_id))
            if not client.metadata.has_secret:
                raise InvalidRequest(
                    "The client has no client secret: its token_endpoint_auth_method does not use one.",
                    reason=Reason.CLIENT_HAS_NO_SECRET,
                )
            plain, latest = make_secret(self.pepper, client_id, client.metadata)
            former = [replace(old, expires_at=now + overlap) for old in client.secrets if old.expires_at is None]
            client = replace(client, secrets=(latest, *(former if overlap else ())), updated_at=now)
            await work.clients.save(client)
            work.emit(events.client_secret_rotated(client_id))
        self.directory.forget()
        return NewSecret(client, plain)

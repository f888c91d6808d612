"""Returns the logo of a client."""

from dataclasses import dataclass

from services.token.domain.clients.client_logos import Logo
from services.token.ports.clients import ClientDirectory, Logos


@dataclass(frozen=True, kw_only=True)
class GetClientLogo:
    clients: ClientDirectory
    logos: Logos

    async def __call__(self, client_id: str) -> Logo | None:
        """Return None for an unknown client, or when it has no logo or the logo could not be fetched."""
        client = await self.clients.find(client_id)
        if client is None or not client.metadata.logo_uri:
            return None
        return await self.logos.find(client.metadata.logo_uri)

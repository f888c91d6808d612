"""Returns the logo of a client."""

from services.token.domain.clients.client_logos import Logo
from services.token.ports.clients import ClientDirectory, Logos


class GetClientLogo:
    def __init__(self, *, clients: ClientDirectory, logos: Logos) -> None:
        self._clients = clients
        self._logos = logos

    async def __call__(self, client_id: str) -> Logo | None:
        """Return None for an unknown client, or when it has no logo or the logo could not be fetched."""
        client = await self._clients.find(client_id)
        if client is None or not client.metadata.logo_uri:
            return None
        return await self._logos.find(client.metadata.logo_uri)

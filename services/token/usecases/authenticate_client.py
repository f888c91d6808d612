"""Which client a request comes from: the same at every endpoint that only clients may call (RFC 6749 2.3)."""

from datetime import datetime

from libs.oauth.client_authentication import Credentials
from libs.oauth.errors import InvalidClient
from services.token.domain.clients import Client
from services.token.ports import ClientDirectory


class AuthenticateClient:
    def __init__(self, *, clients: ClientDirectory, pepper: bytes) -> None:
        self._clients = clients
        self._pepper = pepper

    async def __call__(self, credentials: Credentials, *, now: datetime) -> Client:
        """The client that the credentials prove. Raises InvalidClient."""
        client = await self._clients.find(credentials.client_id)
        if client is None:
            raise InvalidClient(reason="CLIENT_UNKNOWN")
        client.authenticate(credentials, pepper=self._pepper, now=now)
        return client

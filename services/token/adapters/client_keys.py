"""Keys of clients, out of their metadata or fetched from where these say, and signatures that hold under them."""

from collections.abc import Awaitable, Callable
from typing import Any

from libs.crypto.client_keys import ClientKeySet
from libs.crypto.errors import InvalidKey
from libs.crypto.jwt import UnverifiedJwt, is_signed_by
from libs.fetch.documents import CachedDocuments
from libs.fetch.errors import FetchRefused
from libs.fetch.fetcher import Fetched
from libs.oauth.client_metadata import ClientMetadata
from libs.servicekit.base import logs
from services.token.domain.clients.client_assertions import ASSERTION_TYPES

KEY_SET_TYPES = ("application/json", "application/jwk-set+json")
"""What a `jwks_uri` may be answered with."""
_log = logs.get(__name__)


class ClientKeys:
    """The SignedByClients port. `fetch` gets a key set (KEY_SET_TYPES)."""

    def __init__(self, fetch: Callable[[str], Awaitable[Fetched]]) -> None:
        self._documents = CachedDocuments(fetch, ClientKeySet.parse)

    async def verified(
        self, token: UnverifiedJwt, metadata: ClientMetadata, *, types: frozenset[str] = ASSERTION_TYPES
    ) -> dict[str, Any] | None:
        """Return the claims of a JWT that the client signed; None when no key of the client verifies it.

        Nothing but the signature is judged. An unknown `kid`, or a signature that no kept key made, has the key set
        fetched once again: clients change their keys when they like.

        Args:
            types: what `typ` may be, in lower case; an empty string stands for none.
        """
        header = token.header
        if header.get("typ", "").lower() not in types:
            return None
        kid, alg = header.get("kid"), header.get("alg", "")

        def look(keys: ClientKeySet) -> dict[str, Any] | None:
            return token.claims if any(is_signed_by(token.text, key) for key in keys.candidates(kid, alg)) else None

        if not metadata.jwks_uri:
            return look(ClientKeySet.of(metadata.jwks)) if metadata.jwks else None
        try:
            return await self._documents.find(metadata.jwks_uri, look)
        except (FetchRefused, InvalidKey) as refusal:
            _log.info(
                "client_keys.fetch_failed",
                message="Could not fetch client JWKS",
                jwks_uri=metadata.jwks_uri,
                cause=str(refusal),
            )
            return None

    async def aclose(self) -> None:
        await self._documents.close()

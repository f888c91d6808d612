"""The first refresh token of a grant: whatever the grant type, a family begins in one way (RFC 6749 1.5)."""

from datetime import datetime

from libs.crypto.random import uuid7
from libs.oauth.client_metadata import REFRESH_TOKEN
from services.token.domain.clients.client import Client
from services.token.domain.tokens.grants import Grant
from services.token.domain.tokens.refresh_families import RefreshFamily, first_token
from services.token.domain.tokens.token_claims import Lifetimes
from services.token.ports.work import Writer


async def start_family(
    work: Writer,
    client: Client,
    grant: Grant,
    *,
    jkt: str | None,
    chain_key: bytes,
    lifetimes: Lifetimes,
    now: datetime,
) -> str | None:
    """The refresh token, of which only the hash stays; None for a client that is not registered for them.

    `jkt`: the DPoP key of the request. The refresh token of a public client is bound to it; that of a confidential
    client is bound by the authentication of the client, which may then change its key (RFC 9449 5).
    """
    if REFRESH_TOKEN not in client.metadata.grant_types:
        return None
    token = first_token(uuid7(now), chain_key)
    family = RefreshFamily(
        family_id=token.family_id,
        client_id=grant.client_id,
        latest_hash=token.digest(),
        generation=token.generation,
        rotated_at=now,
        idle_expires_at=now + lifetimes.refresh_idle,
        expires_at=now + lifetimes.refresh_absolute,
        dpop_jkt=jkt if client.metadata.is_public else None,
        grant=grant,
    )
    await work.refresh_families.add(family)
    await work.grants.prolong(grant.grant_id, until=family.expires_at + lifetimes.access_token)
    return str(token)

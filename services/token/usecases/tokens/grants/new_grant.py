"""A grant that begins at the token endpoint: there was no code that it could have hung on before."""

from datetime import datetime, timedelta

from services.token import events
from services.token.domain.clients.client import Client
from services.token.domain.tokens.grants import Grant
from services.token.domain.tokens.token_claims import AccessToken, Lifetimes
from services.token.ports.work import Writer
from services.token.usecases.tokens.grants.refresh_family import start_family

_AFTER_EXPIRY = timedelta(minutes=1)


async def keep_grant(
    work: Writer,
    client: Client,
    grant: Grant,
    token: AccessToken,
    *,
    grant_type: str,
    correlation_id: str,
    chain_key: bytes,
    lifetimes: Lifetimes,
    now: datetime,
) -> str | None:
    """Keeps it while its tokens live, and tells of the first; the refresh token, if the client may have one."""
    await work.grants.add(grant, expires_at=now + lifetimes.access_token + _AFTER_EXPIRY)
    refresh_token = await start_family(
        work, client, grant, jkt=token.jkt, chain_key=chain_key, lifetimes=lifetimes, now=now
    )
    work.emit(
        events.token_issued(
            client_id=client.client_id,
            grant_type=grant_type,
            scopes=token.scopes,
            token_id=token.token_id,
            grant=grant,
            correlation_id=correlation_id,
        )
    )
    return refresh_token

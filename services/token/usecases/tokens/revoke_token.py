"""Token revocation (RFC 7009)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from libs.crypto.errors import InvalidJwt
from libs.crypto.jwt import verify_jwt
from libs.crypto.token_kinds import ACCESS_TOKEN, MAX_SKEW
from libs.oauth.client_authentication import Credentials
from libs.oauth.errors import InvalidGrant, InvalidRequest
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.token import events
from services.token.domain.clients.client import Client
from services.token.domain.tokens.refresh_families import RefreshFamily, RefreshToken
from services.token.domain.tokens.retired_keys import PresentedAs
from services.token.domain.tokens.token_claims import GRANT_CLAIM, Lifetimes
from services.token.ports.tokens import Keys
from services.token.ports.work import Begin, Writer
from services.token.usecases.clients.authenticate_client import AuthenticateClient

_REASON: events.RevocationReason = "revoked_by_client"


@dataclass(frozen=True, kw_only=True)
class RevokeToken:
    begin: Begin
    issuer: str
    authenticate: AuthenticateClient
    keys: Keys
    chain_keys: Sequence[bytes]
    lifetimes: Lifetimes
    clock: Clock

    async def __call__(self, credentials: Credentials, parameters: Parameters) -> None:
        """Ends what the token stands for, if it is this client's; every other token is nothing to do (2.2).

        A refresh token ends its grant and all that was issued under it; an access token ends alone. The two never look
        alike, so `token_type_hint` is not needed to tell them apart.

        Raises:
            InvalidClient: the client is not who it says.
            InvalidRequest: there is no token.
        """
        now = self.clock.now()
        client = await self.authenticate(credentials, now=now)
        text = parameters.get("token")
        if text is None:
            raise InvalidRequest("token is missing.", reason=Reason.TOKEN_MISSING)
        try:
            token = RefreshToken.parse(text)
        except InvalidGrant:
            await self._end_access_token(text, client, now=now)
        else:
            await self._end_grant(token, client, now=now)

    async def _end_grant(self, token: RefreshToken, client: Client, *, now: datetime) -> None:
        async with self.begin() as work:
            family = await work.refresh_families.find(token.family_id)
            if family is None or family.client_id != client.client_id or not self._genuine(family, token, now=now):
                return
            grant = family.grant
            if await work.grants.revoke(grant.grant_id, reason=_REASON, now=now):
                work.emit(
                    events.token_revoked(
                        user_id=grant.user_id, client_id=client.client_id, grant_id=grant.grant_id, reason=_REASON
                    )
                )

    def _genuine(self, family: RefreshFamily, token: RefreshToken, *, now: datetime) -> bool:
        """Of whatever generation: who has any token of a family may end it."""
        try:
            family.recognise(token, keys=self.chain_keys, grace=self.lifetimes.refresh_grace, now=now)
        except InvalidGrant:
            return False
        return True

    async def _end_access_token(self, text: str, client: Client, *, now: datetime) -> None:
        claims = self._verified(text, now=now)
        if claims is None or claims["client_id"] != client.client_id:
            return
        async with self.begin() as work:
            await _revoke(work, claims)

    def _verified(self, text: str, *, now: datetime) -> dict[str, Any] | None:
        self.keys.record_presented(text, PresentedAs.REVOCATION)
        try:
            return verify_jwt(
                text, self.keys.verification, kind=ACCESS_TOKEN, issuer=self.issuer, audience=None, now=now
            )
        except InvalidJwt:
            return None


async def _revoke(work: Writer, claims: dict[str, Any]) -> None:
    token_id, grant_id = str(claims["jti"]), claims.get(GRANT_CLAIM)
    status = await work.revocations.status(token_id, grant_id=grant_id)
    if not status.good:
        return
    # Kept a little longer than the token lives: another replica's clock may be behind.
    expires_at = datetime.fromtimestamp(claims["exp"], UTC) + MAX_SKEW
    if await work.revocations.add(token_id, expires_at=expires_at):
        work.emit(
            events.token_revoked(
                user_id=status.grant.user_id if status.grant else "",
                client_id=str(claims["client_id"]),
                grant_id=grant_id or "",
                reason=_REASON,
                token_id=token_id,
            )
        )

"""A refresh token is traded for new tokens and its successor (RFC 6749 6, RFC 9700 4.14.2).

A client that authenticates with a key keeps its refresh token instead: rotation would add nothing but the risk that the
client loses the response (FAPI 2.0, 5.3.2.1).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from libs.oauth.errors import InvalidGrant, InvalidRequest, InvalidScope, name_values
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason
from libs.oauth.scopes import parse_scope
from libs.servicekit.base.rates import Rate
from services.token import events
from services.token.domain.clients.client import Client
from services.token.domain.tokens.grants import Grant
from services.token.domain.tokens.refresh_families import RefreshFamily, RefreshToken, TokenMatch
from services.token.domain.tokens.token_claims import AccessToken, Lifetimes
from services.token.ports.work import Begin, View, Writer
from services.token.usecases.tokens.issue_tokens import Authorized

ROTATIONS_PER_MINUTE = 60
"""Of one refresh token family, at one replica."""


class RefreshTokenGrant:
    def __init__(self, begin: Begin, view: View, *, chain_keys: Sequence[bytes], lifetimes: Lifetimes) -> None:
        self._begin = begin
        self._view = view
        self._chain_keys = chain_keys
        self._lifetimes = lifetimes
        self._rotations = Rate(size=ROTATIONS_PER_MINUTE, refill=timedelta(minutes=1), reason=Reason.REFRESH_TOO_OFTEN)

    async def __call__(self, parameters: Parameters, client: Client, *, now: datetime) -> Authorized:
        """Raises InvalidGrant for a token that is not the client's latest; one that was used before ends its grant.

        Raises:
            TemporarilyUnavailable: the family is rotated more than ROTATIONS_PER_MINUTE times a minute.
        """
        if "refresh_token" not in parameters:
            raise InvalidRequest("refresh_token is missing.", reason=Reason.REFRESH_TOKEN_MISSING)
        token = RefreshToken.parse(parameters["refresh_token"])
        family = await self._find(token, client)
        presented = self._recognise(family, token, now=now)
        if presented is TokenMatch.REUSED:
            await self._revoke(family, now=now)
        if presented is TokenMatch.LATEST:
            self._rotations.consume(family.family_id, 1, now=now)
        scopes = _narrowed(family.grant, client, parameters.get("scope"))

        rotates = client.metadata.rotates_refresh_tokens

        async def redeem(tokens: AccessToken) -> str:
            return str(await self._redeem(family, token, presented, tokens, rotates=rotates, now=now))

        return Authorized(client=client, scopes=scopes, redeem=redeem, grant=family.grant, bound_to=family.dpop_jkt)

    async def _find(self, token: RefreshToken, client: Client) -> RefreshFamily:
        async with self._view() as view:
            family = await view.refresh_families.find(token.family_id)
        if family is None:
            raise InvalidGrant(reason=Reason.REFRESH_TOKEN_UNKNOWN)
        if family.client_id != client.client_id:
            raise InvalidGrant(reason=Reason.REFRESH_TOKEN_OF_ANOTHER_CLIENT)
        family.grant.require_live()
        return family

    def _recognise(self, family: RefreshFamily, token: RefreshToken, *, now: datetime) -> TokenMatch:
        return family.recognise(token, keys=self._chain_keys, grace=self._lifetimes.refresh_grace, now=now)

    async def _redeem(
        self,
        family: RefreshFamily,
        token: RefreshToken,
        presented: TokenMatch,
        tokens: AccessToken,
        *,
        rotates: bool,
        now: datetime,
    ) -> RefreshToken:
        """Return the successor, the same for every request with this token, or the token itself without rotation."""
        next_token = token.successor(self._chain_keys[0]) if rotates else token
        async with self._begin() as work:
            won = presented is TokenMatch.LATEST and await work.refresh_families.rotate(
                family, self._after_use(family, token, rotates=rotates, now=now)
            )
            if not won:
                # A concurrent request used the same token, or it is the predecessor: read the current state.
                next_token = await self._within_grace(work, token, now=now)
            work.emit(events.token_refreshed(family.grant, scopes=tokens.scopes, token_id=tokens.token_id))
        return next_token

    def _after_use(self, family: RefreshFamily, token: RefreshToken, *, rotates: bool, now: datetime) -> RefreshFamily:
        idle = self._lifetimes.refresh_idle
        return (
            family.rotate(token, key=self._chain_keys[0], idle=idle, now=now)
            if rotates
            else family.renew(idle=idle, now=now)
        )

    async def _within_grace(self, work: Writer, token: RefreshToken, *, now: datetime) -> RefreshToken:
        family = await work.refresh_families.find(token.family_id)
        if family is None:
            raise InvalidGrant(reason=Reason.REFRESH_TOKEN_UNKNOWN)
        family.grant.require_live()
        if self._recognise(family, token, now=now) is not TokenMatch.PREDECESSOR:
            raise InvalidGrant(reason=Reason.REFRESH_TOKEN_ROTATED_AWAY)
        return family.successor_of(token, self._chain_keys)

    async def _revoke(self, family: RefreshFamily, *, now: datetime) -> None:
        grant = family.grant
        async with self._begin() as work:
            if await work.grants.revoke(grant.grant_id, reason="refresh_token_reused", now=now):
                work.emit(
                    events.token_reuse_detected(grant),
                    events.token_revoked(
                        user_id=grant.user_id,
                        client_id=grant.client_id,
                        grant_id=grant.grant_id,
                        reason="refresh_token_reused",
                    ),
                )
        raise InvalidGrant(reason=Reason.REFRESH_TOKEN_REUSED)  # after the commit, so that the revocation stays


def _narrowed(grant: Grant, client: Client, requested: str | None) -> tuple[str, ...]:
    """The scope of this access token: all of the grant, or the part that was asked for (RFC 6749 6).

    What the client is no longer registered for is not given any more, whatever was granted once.
    """
    granted = tuple(scope for scope in grant.scopes if scope in client.metadata.scopes)
    scopes = parse_scope(requested or "") or granted
    if not scopes:
        raise InvalidScope(
            "None of the granted scopes is still registered for this client.", reason=Reason.SCOPE_WIDENED
        )
    excess = [scope for scope in scopes if scope not in granted]
    if excess:
        raise InvalidScope(
            name_values("scope contains values that were not granted", excess), reason=Reason.SCOPE_WIDENED
        )
    return scopes

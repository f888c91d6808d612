"""A code is traded for tokens, once; a second valid try ends what the first one bought (RFC 6749 4.1.3, 4.1.2)."""

from datetime import datetime

from libs.crypto.hashing import secret_hash
from libs.crypto.random import uuid7
from libs.oauth.client_metadata import AUTHORIZATION_CODE, REFRESH_TOKEN
from libs.oauth.errors import InvalidGrant, InvalidRequest
from libs.oauth.parameters import Parameters
from services.token import facts
from services.token.domain.clients import Client
from services.token.domain.grants import AuthorizationCode, CodeClaim
from services.token.domain.refresh_families import RefreshFamily, first_token
from services.token.domain.tokens import AccessToken, Lifetimes
from services.token.ports import Begin, Work
from services.token.usecases.issue_tokens import Authorized


class AuthorizationCodeGrant:
    def __init__(self, begin: Begin, view: Begin, *, lifetimes: Lifetimes) -> None:
        self._begin = begin
        self._view = view
        self._lifetimes = lifetimes

    async def __call__(self, parameters: Parameters, client: Client, *, now: datetime) -> Authorized:
        """Raises InvalidRequest without a code, InvalidGrant for one that this request may not spend."""
        claim = _claim(parameters, client)
        async with self._view() as work:
            code = await work.codes.find(claim.code_hash)
        if code is None:
            raise InvalidGrant(reason="CODE_UNKNOWN")
        code.judge(claim, now=now)
        code.grant.require_live()
        if code.consumed_at is not None:  # at once: neither an account nor a key that is missing may put it off
            async with self._begin() as work:
                await _revoke(work, code, now=now)
            raise InvalidGrant(reason="CODE_REPLAYED")

        async def redeem(tokens: AccessToken) -> str | None:
            return await self._redeem(code, client, tokens, now=now)

        return Authorized(client=client, scopes=code.grant.scopes, redeem=redeem, grant=code.grant, nonce=code.nonce)

    async def _redeem(
        self, code: AuthorizationCode, client: Client, tokens: AccessToken, *, now: datetime
    ) -> str | None:
        refresh_token = None
        async with self._begin() as work:
            won = await work.codes.spend(code.code_hash, now=now)
            if won:
                if REFRESH_TOKEN in client.metadata.grant_types:
                    refresh_token = await self._start_family(work, code, now=now)
                work.emit(
                    facts.code_redeemed(code.grant, correlation_id=code.correlation_id),
                    facts.token_issued(
                        client_id=client.client_id,
                        grant_type=AUTHORIZATION_CODE,
                        scopes=tokens.scopes,
                        token_id=tokens.token_id,
                        grant=code.grant,
                        correlation_id=code.correlation_id,
                    ),
                )
            else:
                await _revoke(work, code, now=now)
        if not won:  # said after the commit, so that the revocation stays
            raise InvalidGrant(reason="CODE_REPLAYED")
        return refresh_token

    async def _start_family(self, work: Work, code: AuthorizationCode, *, now: datetime) -> str:
        token = first_token(uuid7(now))
        family = RefreshFamily(
            family_id=token.family_id,
            client_id=code.client_id,
            latest_hash=token.digest(),
            generation=token.generation,
            rotated_at=now,
            idle_expires_at=now + self._lifetimes.refresh_idle,
            expires_at=now + self._lifetimes.refresh_absolute,
            grant=code.grant,
        )
        await work.refresh_families.add(family)
        await work.grants.prolong(code.grant.grant_id, until=family.expires_at + self._lifetimes.access_token)
        return str(token)


def _claim(parameters: Parameters, client: Client) -> CodeClaim:
    if "code" not in parameters:
        raise InvalidRequest("code is missing.", reason="CODE_MISSING")
    return CodeClaim(
        code_hash=secret_hash(parameters["code"]),
        client_id=client.client_id,
        redirect_uri=parameters.get("redirect_uri"),
        verifier=parameters.get("code_verifier"),
    )


async def _revoke(work: Work, code: AuthorizationCode, *, now: datetime) -> None:
    grant = code.grant
    work.emit(facts.code_replayed(grant, correlation_id=code.correlation_id))
    if await work.grants.revoke(grant.grant_id, reason="code_replayed", now=now):
        work.emit(
            facts.token_revoked(
                user_id=grant.user_id, client_id=grant.client_id, grant_id=grant.grant_id, reason="code_replayed"
            )
        )

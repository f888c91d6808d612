"""A code is traded for tokens, once; a second valid try ends what the first one bought (RFC 6749 4.1.3, 4.1.2)."""

from dataclasses import dataclass
from datetime import datetime

from libs.crypto.hashing import secret_hash
from libs.oauth.client_metadata import AUTHORIZATION_CODE
from libs.oauth.errors import InvalidGrant, InvalidRequest
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason
from services.token import events
from services.token.domain.clients.client import Client
from services.token.domain.tokens.grants import AuthorizationCode, CodeClaim
from services.token.domain.tokens.token_claims import AccessToken, Lifetimes
from services.token.ports.work import Begin, View, Writer
from services.token.usecases.tokens.grants.refresh_family import start_family
from services.token.usecases.tokens.issue_tokens import Authorized


@dataclass(frozen=True, kw_only=True)
class AuthorizationCodeGrant:
    begin: Begin
    view: View
    chain_key: bytes
    lifetimes: Lifetimes

    async def __call__(self, parameters: Parameters, client: Client, *, now: datetime) -> Authorized:
        """Raises InvalidRequest without a code, InvalidGrant when this request may not redeem the code."""
        claim = _claim(parameters, client)
        async with self.view() as view:
            code = await view.codes.find(claim.code_hash)
        if code is None:
            raise InvalidGrant(reason=Reason.CODE_UNKNOWN)
        code.judge(claim, now=now)
        code.grant.require_live()
        if code.consumed_at is not None:  # at once: neither an account nor a key that is missing may put it off
            async with self.begin() as work:
                await _revoke(work, code, now=now)
            raise _replayed()

        async def redeem(tokens: AccessToken) -> str | None:
            return await self._redeem(code, client, tokens, now=now)

        return Authorized(
            client=client,
            scopes=code.grant.scopes,
            redeem=redeem,
            grant=code.grant,
            nonce=code.nonce,
            bound_to=code.dpop_jkt,
        )

    async def _redeem(
        self, code: AuthorizationCode, client: Client, tokens: AccessToken, *, now: datetime
    ) -> str | None:
        refresh_token = None
        async with self.begin() as work:
            won = await work.codes.redeem(code.code_hash, now=now)
            if won:
                refresh_token = await start_family(
                    work,
                    client,
                    code.grant,
                    jkt=tokens.jkt,
                    chain_key=self.chain_key,
                    lifetimes=self.lifetimes,
                    now=now,
                )
                work.emit(
                    events.code_redeemed(code.grant, correlation_id=code.correlation_id),
                    events.token_issued(
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
            raise _replayed()
        return refresh_token


def _replayed() -> InvalidGrant:
    return InvalidGrant("The code has already been used.", reason=Reason.CODE_REPLAYED)


def _claim(parameters: Parameters, client: Client) -> CodeClaim:
    if "code" not in parameters:
        raise InvalidRequest("code is missing.", reason=Reason.CODE_MISSING)
    return CodeClaim(
        code_hash=secret_hash(parameters["code"]),
        client_id=client.client_id,
        redirect_uri=parameters.get("redirect_uri"),
        verifier=parameters.get("code_verifier"),
    )


async def _revoke(work: Writer, code: AuthorizationCode, *, now: datetime) -> None:
    grant = code.grant
    work.emit(events.code_replayed(grant, correlation_id=code.correlation_id))
    if await work.grants.revoke(grant.grant_id, reason="code_replayed", now=now):
        work.emit(
            events.token_revoked(
                user_id=grant.user_id, client_id=grant.client_id, grant_id=grant.grant_id, reason="code_replayed"
            )
        )

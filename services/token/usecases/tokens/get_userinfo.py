"""User claims for an access token (OpenID Connect Core 5.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from libs.crypto.errors import InvalidJwt
from libs.crypto.jwt import verify_jwt
from libs.crypto.token_kinds import ACCESS_TOKEN
from libs.oauth.attributes import NO_ATTRIBUTES, Attributes
from libs.oauth.errors import InsufficientScope, InvalidDpopProof, InvalidToken
from libs.oauth.reasons import Reason
from libs.oauth.scopes import OPENID, claims_of, parse_scope
from libs.servicekit.base.clock import Clock
from services.token.domain.tokens.audiences import Audiences
from services.token.domain.tokens.dpop import DpopHeader
from services.token.domain.tokens.grants import Grant
from services.token.domain.tokens.retired_keys import PresentedAs
from services.token.domain.tokens.subjects import Subjects
from services.token.domain.tokens.token_claims import GRANT_CLAIM
from services.token.ports.clients import ClientDirectory
from services.token.ports.tokens import Accounts, Keys
from services.token.ports.work import View
from services.token.usecases.tokens.account_refusal import account_refusal
from services.token.usecases.tokens.mint_tokens import MintTokens
from services.token.usecases.tokens.verify_proof import VerifyProof


@dataclass(frozen=True)
class Userinfo:
    """`signed`: the same as a JWT, for a client that registered it so; otherwise empty."""

    claims: dict[str, Any]
    signed: str = ""


@dataclass(frozen=True, kw_only=True)
class GetUserinfo:
    view: View
    audiences: Audiences
    accounts: Accounts
    clients: ClientDirectory
    keys: Keys
    subjects: Subjects
    mint: MintTokens
    proofs: VerifyProof
    clock: Clock
    attributes: Attributes = NO_ATTRIBUTES

    async def __call__(self, access_token: str, *, dpop: DpopHeader | None = None) -> Userinfo:
        """`sub` and the claims of the token's scope that have a value. One read, one call; one write for a proof.

        Args:
            dpop: the proof, for a request with the scheme DPoP; None for the scheme Bearer.

        Raises:
            InvalidDpopProof, UseDpopNonce: the proof is missing or invalid.
            InvalidToken: malformed, expired, not for us, or what it hangs on was revoked or ended.
            InsufficientScope: it was not issued in an OpenID Connect flow.
        """
        token = self._verify(access_token)
        await self._require_possession(access_token, token, dpop)
        scopes = parse_scope(str(token.get("scope", "")))
        if OPENID not in scopes or GRANT_CLAIM not in token:
            raise InsufficientScope("The access token must have the scope openid.", reason=Reason.SCOPE_OPENID_MISSING)
        grant = await self._live_grant(token)
        account = await self.accounts.find(
            user_id=grant.user_id, session_id=grant.session_id, claims=self._claims(scopes, grant)
        )
        refusal = account_refusal(grant, account)
        if account is None or refusal is not None:
            raise InvalidToken(reason=refusal)
        client = await self.clients.find(grant.client_id)
        if client is None:
            raise InvalidToken(reason=Reason.CLIENT_UNKNOWN)
        claims = {**account.claims, "sub": self.subjects.sub(client, grant.user_id)}
        if not client.metadata.userinfo_signed_response_alg:
            return Userinfo(claims)
        return Userinfo(claims, await self.mint.userinfo(client, claims, now=self.clock.now()))

    async def _require_possession(self, access_token: str, token: Mapping[str, Any], dpop: DpopHeader | None) -> None:
        """A bound token comes with a proof of its key, every other token as a bearer token (RFC 9449 7.1)."""
        jkt = token.get("cnf", {}).get("jkt")
        if (jkt is None) != (dpop is None):
            raise InvalidToken(
                "The access token is bound to a key: send it with the scheme DPoP and a proof (RFC 9449 7.1)."
                if dpop is None
                else "The access token is not bound to a key: send it with the scheme Bearer.",
                reason=Reason.DPOP_TOKEN_SCHEME,
            )
        if dpop is None:
            return
        now = self.clock.now()
        proof = self.proofs.verify(dpop, now=now, access_token=access_token)
        if proof is None:
            raise InvalidDpopProof("The request needs a DPoP header (RFC 9449 7.1).", reason=Reason.DPOP_PROOF_MISSING)
        if proof.jkt != jkt:
            raise InvalidToken("The access token is bound to another DPoP key.", reason=Reason.DPOP_KEY_MISMATCH)
        await self.proofs.consume(proof, now=now)

    def _claims(self, scopes: tuple[str, ...], grant: Grant) -> tuple[str, ...]:
        return (*claims_of(scopes), *self.attributes.of(scopes), *grant.userinfo_claims)

    def _verify(self, access_token: str) -> dict[str, Any]:
        self.keys.record_presented(access_token, PresentedAs.USERINFO)
        try:
            claims = verify_jwt(
                access_token,
                self.keys.verification,
                kind=ACCESS_TOKEN,
                issuer=self.audiences.issuer,
                audience=None,
                now=self.clock.now(),
            )
        except InvalidJwt as error:
            raise InvalidToken(reason=Reason(error.reason)) from None
        if not self.audiences.reach_userinfo(claims["aud"]):
            raise InvalidToken(
                "The access token is for other resources: request one with resource set to the userinfo endpoint.",
                reason=Reason.AUDIENCE_MISMATCH,
            )
        return claims

    async def _live_grant(self, token: Mapping[str, Any]) -> Grant:
        async with self.view() as view:
            status = await view.revocations.status(str(token["jti"]), grant_id=str(token[GRANT_CLAIM]))
        if status.grant is None or status.grant.revoked_at is not None:
            raise InvalidToken(reason=Reason.GRANT_REVOKED)
        if status.revoked:
            raise InvalidToken(reason=Reason.TOKEN_REVOKED)
        return status.grant

"""The token endpoint in fixed phases (RFC 6749 3.2): no grant can forget one.

authenticate the client -> find the grant -> verify the DPoP proof -> authorize -> audience -> check the account ->
call the hook -> mint -> redeem -> respond

Tokens are signed before the code or token is redeemed, so that a code is not lost when signing fails. Tokens that were
signed but not redeemed are never returned.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from libs.oauth import acr
from libs.oauth.attributes import NO_ATTRIBUTES, Attributes
from libs.oauth.client_authentication import Credentials
from libs.oauth.dpop import SCHEME
from libs.oauth.errors import AccessDenied, InvalidGrant, InvalidRequest, UnauthorizedClient, UnsupportedGrantType
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason
from libs.oauth.scopes import OPENID, format_scope
from libs.servicekit.base.clock import Clock
from services.token.domain.clients.client import Client
from services.token.domain.tokens.audiences import Audiences
from services.token.domain.tokens.dpop import NO_PROOF, DpopHeader, require_key, require_proof
from services.token.domain.tokens.grants import Grant
from services.token.domain.tokens.released_claims import ReleasedClaims
from services.token.domain.tokens.token_claims import AccessToken, Lifetimes
from services.token.domain.tokens.token_hook import TokenHookRequest
from services.token.ports.tokens import Account, Accounts, TokenHook
from services.token.usecases.clients.authenticate_client import AuthenticateClient
from services.token.usecases.tokens.account_refusal import account_refusal
from services.token.usecases.tokens.mint_tokens import MintTokens
from services.token.usecases.tokens.verify_proof import VerifyProof

_CAUSES = {
    Reason.SESSION_ENDED: "The session of the user has ended.",
    Reason.GRANT_REVOKED: "The grant was revoked.",
}
"""Causes that the response names."""
Redeem = Callable[[AccessToken], Awaitable[str | None]]
"""Redeems the code or token of the request, emits events, and returns the refresh token if there is one."""


@dataclass(frozen=True)
class Authorized:
    """A valid token request. `grant`: the user's grant; None for client credentials."""

    client: Client
    scopes: tuple[str, ...]
    redeem: Redeem = field(repr=False)
    grant: Grant | None = None
    nonce: str | None = None
    bound_to: str | None = None
    """Thumbprint of the DPoP key that the code or refresh token is bound to."""
    response_members: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the token response, such as issued_token_type; they cannot replace the standard ones."""


class GrantHandler(Protocol):
    """A grant type: validates the request and redeems it."""

    async def __call__(self, parameters: Parameters, client: Client, *, now: datetime) -> Authorized:
        """Validate the request without redeeming anything. Raises OAuthError."""


@dataclass(frozen=True, kw_only=True)
class IssueTokens:
    grants: Mapping[str, GrantHandler]
    audiences: Audiences
    authenticate: AuthenticateClient
    proofs: VerifyProof
    accounts: Accounts
    hook: TokenHook
    mint: MintTokens
    lifetimes: Lifetimes
    clock: Clock
    attributes: Attributes = NO_ATTRIBUTES

    async def __call__(
        self, credentials: Credentials, parameters: Parameters, *, dpop: DpopHeader = NO_PROOF
    ) -> dict[str, Any]:
        """A token response (RFC 6749 5.1, OpenID Connect Core 3.1.3.3).

        Raises:
            OAuthError: RFC 6749 5.2.
        """
        now = self.clock.now()
        client = await self.authenticate(credentials, now=now)
        handler = self._grant(parameters, client)
        proof = self.proofs.verify(dpop, now=now)
        require_proof(proof, bound_tokens=client.metadata.dpop_bound_access_tokens)
        authorized = await handler(parameters, client, now=now)
        require_key(authorized.bound_to, proof)
        await self.proofs.consume(proof, now=now)
        audience = self.audiences.of_request(parameters, client, grant=authorized.grant, scopes=authorized.scopes)
        now = self.clock.now()  # a device may have waited
        released = self._released(authorized)
        account = None
        if authorized.grant is not None:
            account = await self._check_account(authorized.grant, client, claims=released.names)
        access_token = await self.mint.access_token(
            client,
            audience=audience,
            scopes=authorized.scopes,
            grant=authorized.grant,
            now=now,
            lifetime=self.lifetimes.access_token,
            hook_claims=await self._hook_claims(authorized, str(parameters.get("grant_type")), audience),
            jkt=proof.jkt if proof else None,
            user_claims=released.for_access_token(account.claims if account else {}),
        )
        id_token = None
        if authorized.grant is not None and account is not None and OPENID in authorized.scopes:
            id_token = await self.mint.id_token(
                client,
                grant=authorized.grant,
                nonce=authorized.nonce,
                access_token=access_token.text,
                code=None,
                user_claims=released.for_id_token(account.claims),
                now=now,
            )
        refresh_token = await authorized.redeem(access_token)
        return {**authorized.response_members, **_response(access_token, id_token, refresh_token)}

    def _released(self, authorized: Authorized) -> ReleasedClaims:
        return ReleasedClaims.of(
            authorized.client.metadata,
            scopes=authorized.scopes,
            requested=authorized.grant.id_token_claims if authorized.grant else (),
            attributes=self.attributes,
        )

    async def _hook_claims(
        self, authorized: Authorized, grant_type: str, audience: tuple[str, ...]
    ) -> Mapping[str, Any]:
        """Return the claims that the token hook adds. A denial becomes an error that RFC 6749 5.2 defines."""
        hook_request = TokenHookRequest(grant_type, authorized.client, audience, authorized.scopes, authorized.grant)
        try:
            return await self.hook(hook_request)
        except AccessDenied as denied:
            refusal = UnauthorizedClient if authorized.grant is None else InvalidGrant
            raise refusal("The token hook denied the token.", reason=denied.reason) from None

    def _grant(self, parameters: Parameters, client: Client) -> GrantHandler:
        grant_type = parameters.get("grant_type")
        if grant_type is None:
            raise InvalidRequest("grant_type is missing.", reason=Reason.GRANT_TYPE_MISSING)
        handler = self.grants.get(grant_type)
        if handler is None:
            raise UnsupportedGrantType(
                f"grant_type is not supported. Supported: {', '.join(self.grants)}.", reason=Reason.GRANT_TYPE_UNKNOWN
            )
        client.require_grant(grant_type)
        return handler

    async def _check_account(self, grant: Grant, client: Client, *, claims: tuple[str, ...]) -> Account:
        """In whatever grant, no tokens for who was disabled, signed out of an online grant, or showed too little."""
        if client.metadata.required_acr and not acr.satisfies(grant.acr, client.metadata.required_acr):
            raise InvalidGrant(
                "This client requires a sign-in with a second factor.",
                reason=Reason.ACR_UNMET,
            )
        account = await self.accounts.find(user_id=grant.user_id, session_id=grant.session_id, claims=claims)
        refusal = account_refusal(grant, account)
        if account is None or refusal is not None:
            raise InvalidGrant(_CAUSES.get(refusal or Reason.ACCOUNT_DISABLED), reason=refusal)
        return account


def _response(access_token: AccessToken, id_token: str | None, refresh_token: str | None) -> dict[str, Any]:
    response: dict[str, Any] = {
        "access_token": access_token.text,
        "token_type": "Bearer" if access_token.jkt is None else SCHEME,
        "expires_in": access_token.expires_in,
    }
    if access_token.scopes:
        response["scope"] = format_scope(access_token.scopes)
    if refresh_token is not None:
        response["refresh_token"] = refresh_token
    if id_token is not None:
        response["id_token"] = id_token
    return response

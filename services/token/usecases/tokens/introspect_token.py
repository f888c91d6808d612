"""Token introspection (RFC 7662)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.crypto.errors import InvalidJwt
from libs.crypto.jwt import verify_jwt
from libs.crypto.token_kinds import ACCESS_TOKEN
from libs.oauth.client_authentication import Credentials
from libs.oauth.client_metadata import INTROSPECTION_ALL
from libs.oauth.dpop import SCHEME
from libs.oauth.errors import InvalidClient, InvalidGrant, InvalidRequest
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason
from libs.oauth.scopes import format_scope
from libs.servicekit.base.clock import Clock
from services.token.domain.clients.client import Client
from services.token.domain.tokens.refresh_families import RefreshToken, TokenMatch
from services.token.domain.tokens.retired_keys import PresentedAs
from services.token.domain.tokens.subjects import Subjects
from services.token.domain.tokens.token_claims import GRANT_CLAIM, Lifetimes
from services.token.ports.tokens import Keys
from services.token.ports.work import View
from services.token.usecases.clients.authenticate_client import AuthenticateClient
from services.token.usecases.tokens.mint_tokens import MintTokens

INACTIVE: Mapping[str, Any] = {"active": False}


@dataclass(frozen=True, kw_only=True)
class IntrospectToken:
    view: View
    issuer: str
    authenticate: AuthenticateClient
    keys: Keys
    subjects: Subjects
    mint: MintTokens
    chain_keys: Sequence[bytes]
    lifetimes: Lifetimes
    clock: Clock

    async def __call__(
        self, credentials: Credentials, parameters: Parameters, *, signed: bool = False
    ) -> Mapping[str, Any] | str:
        """The token's claims while it is good and the caller's to see; of every other token, that it is not active.

        At most one read. `signed`: as a JWT for the caller (RFC 9701).

        Raises:
            InvalidClient: the caller does not prove who it is; a public client cannot.
            InvalidRequest: there is no token.
        """
        now = self.clock.now()
        caller = await self.authenticate(credentials, now=now)
        if caller.metadata.is_public:
            raise InvalidClient("Introspection requires a confidential client.", reason=Reason.CLIENT_PUBLIC)
        text = parameters.get("token")
        if text is None:
            raise InvalidRequest("token is missing.", reason=Reason.TOKEN_MISSING)
        try:
            token = RefreshToken.parse(text)
        except InvalidGrant:
            found = await self._access_token(text, now=now)
        else:
            found = await self._refresh_token(token, caller, now=now)
        response = found if found is not None and _may_see(caller, found) else INACTIVE
        return await self.mint.introspection(caller, response, now=now) if signed else response

    async def _access_token(self, text: str, *, now: datetime) -> dict[str, Any] | None:
        self.keys.record_presented(text, PresentedAs.INTROSPECTION)
        try:
            claims = verify_jwt(
                text, self.keys.verification, kind=ACCESS_TOKEN, issuer=self.issuer, audience=None, now=now
            )
        except InvalidJwt:
            return None
        grant_id = claims.get(GRANT_CLAIM)
        async with self.view() as view:
            status = await view.revocations.status(str(claims["jti"]), grant_id=grant_id)
        if not status.good:
            return None
        return {"active": True, "token_type": SCHEME if "cnf" in claims else "Bearer", **claims}

    async def _refresh_token(self, token: RefreshToken, caller: Client, *, now: datetime) -> dict[str, Any] | None:
        """Only the client that a refresh token was issued to may introspect it."""
        async with self.view() as view:
            family = await view.refresh_families.find(token.family_id)
        if family is None or family.client_id != caller.client_id or family.grant.revoked_at is not None:
            return None
        try:
            presented = family.recognise(token, keys=self.chain_keys, grace=self.lifetimes.refresh_grace, now=now)
        except InvalidGrant:
            return None
        if presented is TokenMatch.REUSED:
            return None
        return {
            "active": True,
            "iss": self.issuer,
            "client_id": family.client_id,
            "sub": self.subjects.sub(caller, family.grant.user_id),
            "scope": format_scope(family.grant.scopes),
            "exp": int(min(family.expires_at, family.idle_expires_at).timestamp()),
        }


def _may_see(caller: Client, token: Mapping[str, Any]) -> bool:
    """Its own tokens; access tokens for a resource that it serves; all of them, when an operator has registered it so.

    Only access tokens have an audience here.
    """
    if token["client_id"] == caller.client_id:
        return True
    audience = token.get("aud", ())
    named = {audience} if isinstance(audience, str) else {*audience}
    if not named.isdisjoint(caller.metadata.served_resources):
        return True
    return bool(named) and caller.metadata.introspection == INTROSPECTION_ALL

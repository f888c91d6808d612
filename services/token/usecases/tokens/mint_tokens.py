"""Signing what is issued, at the token endpoint and at the authorization endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from libs.crypto.random import uuid7
from services.token.domain.clients.client import Client
from services.token.domain.tokens.grants import Grant
from services.token.domain.tokens.subjects import SubjectIdentifiers, Subjects
from services.token.domain.tokens.token_claims import (
    ACCESS_TOKEN_TYP,
    ID_TOKEN_TYP,
    INTROSPECTION_TYP,
    LOGOUT_TOKEN_TYP,
    USERINFO_TYP,
    AccessToken,
    access_token_claims,
    id_token_claims,
    logout_token_claims,
)
from services.token.ports.tokens import Keys


@dataclass(frozen=True, kw_only=True)
class MintTokens:
    """All methods raise TemporarilyUnavailable when there is no current signing key."""

    issuer: str
    keys: Keys
    subjects: Subjects
    access_token_alg: str
    id_token_lifetime: timedelta

    async def access_token(
        self,
        client: Client,
        *,
        audience: tuple[str, ...],
        scopes: tuple[str, ...],
        grant: Grant | None,
        now: datetime,
        lifetime: timedelta,
        hook_claims: Mapping[str, Any],
        jkt: str | None = None,
        user_claims: Mapping[str, Any] = MappingProxyType({}),
    ) -> AccessToken:
        """Return an access token for a user's grant, or for the client itself when `grant` is None.

        `jkt`: thumbprint of the DPoP key that the token is bound to (RFC 9449 6).
        """
        token_id = uuid7(now)
        claims = access_token_claims(
            issuer=self.issuer,
            client_id=client.client_id,
            audience=audience,
            scopes=scopes,
            grant=grant,
            shown=self._shown(client, grant) if grant else None,
            token_id=token_id,
            now=now,
            lifetime=lifetime,
            jkt=jkt,
            further_claims={**user_claims, **hook_claims},
        )
        text = await self.keys.sign(claims, alg=self.access_token_alg, typ=ACCESS_TOKEN_TYP, now=now)
        return AccessToken(text, token_id, scopes=scopes, expires_in=int(lifetime.total_seconds()), jkt=jkt)

    async def id_token(
        self,
        client: Client,
        *,
        grant: Grant,
        nonce: str | None,
        access_token: str | None,
        code: str | None,
        user_claims: Mapping[str, Any],
        now: datetime,
    ) -> str:
        """Return an ID token with hashes of the access token and the code. `user_claims`: additional claims."""
        alg = client.metadata.id_token_signed_response_alg
        claims = id_token_claims(
            issuer=self.issuer,
            grant=grant,
            shown=self._shown(client, grant),
            shows_session=grant.shows_session(client),
            nonce=nonce,
            access_token=access_token,
            code=code,
            alg=alg,
            now=now,
            lifetime=self.id_token_lifetime,
        )
        return await self.keys.sign({**user_claims, **claims}, alg=alg, typ=ID_TOKEN_TYP, now=now)

    async def logout_token(self, client: Client, *, user_id: str, session_id: str, now: datetime) -> str:
        """Tells a client's server that a session has ended; signed as the client's ID tokens are."""
        claims = logout_token_claims(
            issuer=self.issuer,
            client_id=client.client_id,
            shown=self.subjects.shown(client, user_id=user_id, session_id=session_id),
            token_id=uuid7(now),
            now=now,
        )
        alg = client.metadata.id_token_signed_response_alg
        return await self.keys.sign(claims, alg=alg, typ=LOGOUT_TOKEN_TYP, now=now)

    async def userinfo(self, client: Client, claims: Mapping[str, Any], *, now: datetime) -> str:
        """Return a signed userinfo response (OpenID Connect Core 5.3.2)."""
        alg = client.metadata.userinfo_signed_response_alg
        envelope = {"iss": self.issuer, "aud": client.client_id, "iat": int(now.timestamp())}
        return await self.keys.sign({**claims, **envelope}, alg=alg, typ=USERINFO_TYP, now=now)

    async def introspection(self, caller: Client, response: Mapping[str, Any], *, now: datetime) -> str:
        """What is known of a token, signed for the one who asked (RFC 9701 5)."""
        alg = caller.metadata.introspection_signed_response_alg
        envelope = {"iss": self.issuer, "aud": caller.client_id, "iat": int(now.timestamp())}
        claims = {**envelope, "token_introspection": dict(response)}
        return await self.keys.sign(claims, alg=alg, typ=INTROSPECTION_TYP, now=now)

    def _shown(self, client: Client, grant: Grant) -> SubjectIdentifiers:
        return self.subjects.shown(client, user_id=grant.user_id, session_id=grant.session_id)

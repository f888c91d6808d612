"""The claims of what is issued: access tokens (RFC 9068 2.2) and ID tokens (OpenID Connect Core 2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from libs.crypto.hashing import left_half_hash
from libs.crypto.token_kinds import BACKCHANNEL_LOGOUT_EVENT
from libs.oauth.scopes import format_scope
from services.token.domain.tokens.grants import Grant
from services.token.domain.tokens.subjects import SubjectIdentifiers

ACCESS_TOKEN_TYP = "at+jwt"
ID_TOKEN_TYP = "JWT"
LOGOUT_TOKEN_TYP = "logout+jwt"
USERINFO_TYP = "userinfo+jwt"
INTROSPECTION_TYP = "token-introspection+jwt"
LOGOUT_TOKEN_LIFETIME = timedelta(minutes=2)
GRANT_CLAIM = "grant_id"


@dataclass(frozen=True)
class Lifetimes:
    """How long what is issued lives."""

    access_token: timedelta
    front_channel_token: timedelta
    """Of an access token that comes through the browser."""
    id_token: timedelta
    refresh_idle: timedelta
    refresh_absolute: timedelta
    refresh_grace: timedelta
    registration: timedelta
    """Lifetime of a dynamically registered client since the last sign-in to it."""


@dataclass(frozen=True)
class AccessToken:
    """A signed one. `token_id` is its `jti`, `expires_in` its lifetime in seconds."""

    text: str = field(repr=False)
    token_id: str
    scopes: tuple[str, ...]
    expires_in: int
    jkt: str | None = None
    """Thumbprint of the DPoP key that it is bound to; None for a bearer token."""


def access_token_claims(
    *,
    issuer: str,
    client_id: str,
    audience: tuple[str, ...],
    scopes: tuple[str, ...],
    grant: Grant | None,
    shown: SubjectIdentifiers | None,
    token_id: str,
    now: datetime,
    lifetime: timedelta,
    jkt: str | None = None,
    further_claims: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the claims for a user's grant, or for the client itself when `grant` is None.

    `further_claims`: about the user, or of the token hook; they cannot replace the others.
    `jkt`: the key that the token is bound to (RFC 9449 6.1).
    """
    issued_at = int(now.timestamp())
    claims: dict[str, Any] = {
        **further_claims,
        "iss": issuer,
        "aud": audience[0] if len(audience) == 1 else list(audience),
        "sub": shown.sub if shown else client_id,
        "client_id": client_id,
        "iat": issued_at,
        "exp": issued_at + int(lifetime.total_seconds()),
        "jti": token_id,
    }
    if jkt is not None:
        claims["cnf"] = {"jkt": jkt}
    if scopes:
        claims["scope"] = format_scope(scopes)
    if grant and shown:
        claims |= {
            "auth_time": int(grant.authenticated_at.timestamp()),
            "acr": grant.acr,
            "amr": list(grant.amr),
            "sid": shown.sid,
            GRANT_CLAIM: grant.grant_id,
        }
    return claims


def id_token_claims(
    *,
    issuer: str,
    grant: Grant,
    shown: SubjectIdentifiers,
    shows_session: bool,
    nonce: str | None,
    access_token: str | None,
    code: str | None,
    alg: str,
    now: datetime,
    lifetime: timedelta,
) -> dict[str, Any]:
    """Who signed in, when and how (OpenID Connect Core 2, 3.3.2.11)."""
    issued_at = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": shown.sub,
        "aud": grant.client_id,
        "iat": issued_at,
        "exp": issued_at + int(lifetime.total_seconds()),
        "auth_time": int(grant.authenticated_at.timestamp()),
        "acr": grant.acr,
        "amr": list(grant.amr),
    }
    if shows_session:
        claims["sid"] = shown.sid
    if access_token is not None:
        claims["at_hash"] = left_half_hash(access_token, alg)
    if code is not None:
        claims["c_hash"] = left_half_hash(code, alg)
    if nonce is not None:
        claims["nonce"] = nonce
    return claims


def logout_token_claims(
    *, issuer: str, client_id: str, shown: SubjectIdentifiers, token_id: str, now: datetime
) -> dict[str, Any]:
    """Which session has ended (OpenID Connect Back-Channel Logout 1.0, 2.4). Never a nonce: it is no ID token."""
    issued_at = int(now.timestamp())
    return {
        "iss": issuer,
        "aud": client_id,
        "iat": issued_at,
        "exp": issued_at + int(LOGOUT_TOKEN_LIFETIME.total_seconds()),
        "jti": token_id,
        "events": {BACKCHANNEL_LOGOUT_EVENT: {}},
        "sub": shown.sub,
        "sid": shown.sid,
    }

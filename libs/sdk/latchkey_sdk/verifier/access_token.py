"""The claims of a verified access token (RFC 9068 2.2), with types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from latchkey_sdk.errors import InsufficientScope, TokenRefused

SKEW_SECONDS: Final = 60
"""How far the clock of the issuer may be ahead."""
_REQUIRED = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")
_OF_ANOTHER_KIND = frozenset({"nonce", "events"})
_LATEST = 2**40


@dataclass(frozen=True, kw_only=True)
class AccessToken:
    """A verified access token. Times are in UTC."""

    issuer: str
    subject: str
    client_id: str
    token_id: str
    """`jti`"""
    audience: tuple[str, ...]
    scopes: frozenset[str]
    issued_at: datetime
    expires_at: datetime
    grant_id: str | None = None
    session_id: str | None = None
    authenticated_at: datetime | None = None
    acr: str | None = None
    amr: tuple[str, ...] = ()
    revocation_checked: bool = True
    """False: NATS was unavailable, and the policy is to accept tokens without a revocation check."""
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """All claims of the token."""

    @property
    def user_id(self) -> str | None:
        """The subject of the user; None if the client acts on its own behalf and `sub` is its client id.

        For clients with pairwise subject identifiers it differs from the user id in events.
        """
        return self.subject if self.grant_id else None

    def require(self, *scopes: str) -> None:
        """Raises InsufficientScope when one of the scopes is missing."""
        if not self.scopes.issuperset(scopes):
            raise InsufficientScope(scopes)


def read_claims(
    claims: Mapping[str, Any], *, issuer: str, audience: str, now: float, longest_lifetime: float, leeway: float
) -> AccessToken:
    """Check the claims of a token whose signature is valid.

    Raises:
        TokenRefused: with the reason.
    """
    if any(name not in claims for name in _REQUIRED) or not _OF_ANOTHER_KIND.isdisjoint(claims):
        raise _refused("NO_ACCESS_TOKEN")
    if claims["iss"] != issuer:
        raise _refused("ISSUER_MISMATCH")
    audiences = _texts([claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"])
    if audience not in audiences:
        raise _refused("AUDIENCE_MISMATCH")
    issued_at, expires_at = _moment(claims["iat"]), _moment(claims["exp"])
    starts_at = max(issued_at, _moment(claims.get("nbf", 0)))
    if now >= expires_at + leeway:
        raise TokenRefused("The access token expired.", reason="EXPIRED")
    if starts_at > now + SKEW_SECONDS:
        raise _refused("NOT_YET_VALID")
    if expires_at - issued_at > longest_lifetime:
        raise _refused("LIVES_TOO_LONG")
    return AccessToken(
        issuer=issuer,
        subject=_text(claims, "sub"),
        client_id=_text(claims, "client_id"),
        token_id=_text(claims, "jti"),
        audience=audiences,
        scopes=frozenset(_scope(claims).split()),
        issued_at=datetime.fromtimestamp(issued_at, UTC),
        expires_at=datetime.fromtimestamp(expires_at, UTC),
        claims=claims,
        **_user_claims(claims),
    )


def _user_claims(claims: Mapping[str, Any]) -> dict[str, Any]:
    authenticated_at = claims.get("auth_time")
    return {
        "grant_id": _text(claims, "grant_id") if "grant_id" in claims else None,
        "session_id": _text(claims, "sid") if "sid" in claims else None,
        "authenticated_at": None
        if authenticated_at is None
        else datetime.fromtimestamp(_moment(authenticated_at), UTC),
        "acr": _text(claims, "acr") if "acr" in claims else None,
        "amr": _texts(claims["amr"]) if "amr" in claims else (),
    }


def _scope(claims: Mapping[str, Any]) -> str:
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise _refused("CLAIM_MALFORMED")
    return scope


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims[name]
    if not isinstance(value, str) or not value:
        raise _refused("CLAIM_MALFORMED")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        raise _refused("CLAIM_MALFORMED")
    return tuple(value)


def _moment(value: Any) -> float:
    """Seconds since 1970 (RFC 7519 2)."""
    if type(value) not in {int, float} or not 0 <= value < _LATEST:
        raise _refused("CLAIM_MALFORMED")
    return float(value)


def _refused(reason: str) -> TokenRefused:
    return TokenRefused("The access token is not valid here.", reason=reason)

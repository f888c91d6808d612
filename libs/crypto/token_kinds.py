"""The kinds of JWT that this server signs, with rules that no two kinds can both meet (RFC 8725 3.11, 3.12)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from libs.crypto.errors import InvalidJwt

MAX_SKEW: Final = timedelta(seconds=60)
"""Largest accepted clock difference to the replica that signed the token; also the largest leeway."""

BACKCHANNEL_LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"

_MAX_NUMERIC_DATE = 2**53


@dataclass(frozen=True, slots=True)
class TokenKind:
    """The typ, algorithms and claims of a kind of token."""

    typ: str
    algs: frozenset[str]
    required: frozenset[str]
    forbidden: frozenset[str] = frozenset()
    one_of: frozenset[str] = frozenset()
    """At least one of these claims must be present; empty: no such rule."""
    may_be_expired: bool = False


_SIGNATURES = frozenset({"RS256", "ES256"})

ACCESS_TOKEN: Final = TokenKind(  # RFC 9068 2.1, 2.2
    typ="at+jwt",
    algs=_SIGNATURES,
    required=frozenset({"iss", "exp", "aud", "sub", "client_id", "iat", "jti"}),
    forbidden=frozenset({"nonce", "events"}),
)
ID_TOKEN: Final = TokenKind(  # OpenID Connect Core 2
    typ="JWT",
    algs=_SIGNATURES,
    required=frozenset({"iss", "sub", "aud", "exp", "iat"}),
    forbidden=frozenset({"events", "client_id", "scope"}),
)
ID_TOKEN_HINT: Final = replace(ID_TOKEN, may_be_expired=True)  # OpenID Connect RP-Initiated Logout 1.0, 2
LOGOUT_TOKEN: Final = TokenKind(  # OpenID Connect Back-Channel Logout 1.0, 2.4
    typ="logout+jwt",
    algs=_SIGNATURES,
    required=frozenset({"iss", "aud", "iat", "exp", "jti", "events"}),
    forbidden=frozenset({"nonce", "client_id", "scope"}),
    one_of=frozenset({"sub", "sid"}),
)

USERINFO: Final = TokenKind(  # OpenID Connect Core 5.3.2; its own typ, so that it cannot be used as an ID token
    typ="userinfo+jwt",
    algs=_SIGNATURES,
    required=frozenset({"iss", "aud", "sub", "iat"}),
    forbidden=frozenset({"nonce", "events", "client_id", "scope"}),
)
INTROSPECTION: Final = TokenKind(  # RFC 9701 5
    typ="token-introspection+jwt",
    algs=_SIGNATURES,
    required=frozenset({"iss", "aud", "iat", "token_introspection"}),
    forbidden=frozenset({"sub", "exp", "nonce", "events", "client_id", "scope"}),
)

KINDS_BY_TYP: Final = {kind.typ: kind for kind in (ACCESS_TOKEN, ID_TOKEN, LOGOUT_TOKEN, USERINFO, INTROSPECTION)}


def check_members(claims: Mapping[str, Any], kind: TokenKind) -> None:
    """Check which claims are present. Raises InvalidJwt if one is missing or belongs to another kind."""
    if not kind.required <= claims.keys():
        raise InvalidJwt("CLAIM_MISSING")
    if not kind.forbidden.isdisjoint(claims):
        raise InvalidJwt("CLAIM_OF_ANOTHER_KIND")
    if kind.one_of and kind.one_of.isdisjoint(claims):
        raise InvalidJwt("CLAIM_MISSING")
    if "events" in kind.required and claims["events"] != {BACKCHANNEL_LOGOUT_EVENT: {}}:
        raise InvalidJwt("EVENTS_INVALID")


def check_claims(
    claims: Mapping[str, Any],
    kind: TokenKind,
    *,
    issuer: str,
    audience: str | None,
    now: datetime,
    leeway: timedelta,
) -> None:
    """Check the claims of a token whose signature is valid. Raises InvalidJwt.

    Args:
        audience: must be in `aud`; None if the caller checks `aud` itself.
    """
    check_members(claims, kind)
    if claims["iss"] != issuer:
        raise InvalidJwt("ISSUER_MISMATCH")
    audiences = _audiences(claims["aud"])
    if audience is not None and audience not in audiences:
        raise InvalidJwt("AUDIENCE_MISMATCH")
    for name in {"sub", "sid", "client_id", "jti"} & claims.keys():
        if not isinstance(claims[name], str) or not claims[name]:
            raise InvalidJwt("CLAIM_MALFORMED")
    _check_times(claims, kind, now=now.timestamp(), leeway=leeway.total_seconds())


def _audiences(value: Any) -> list[str]:
    """`aud` is one string or a list of them (RFC 7519 4.1.3)."""
    audiences = [value] if isinstance(value, str) else value
    if not isinstance(audiences, list) or not audiences:
        raise InvalidJwt("CLAIM_MALFORMED")
    if not all(isinstance(audience, str) and audience for audience in audiences):
        raise InvalidJwt("CLAIM_MALFORMED")
    return audiences


def _check_times(claims: Mapping[str, Any], kind: TokenKind, *, now: float, leeway: float) -> None:
    issued, expires = _numeric_date(claims["iat"]), _numeric_date(claims["exp"])
    starts = _numeric_date(claims.get("nbf", issued))
    if expires <= issued:
        raise InvalidJwt("CLAIM_MALFORMED")
    if max(issued, starts) > now + MAX_SKEW.total_seconds():
        raise InvalidJwt("NOT_YET_VALID")
    if not kind.may_be_expired and now >= expires + leeway:
        raise InvalidJwt("EXPIRED")


def _numeric_date(value: Any) -> int:
    """Accept whole seconds only, as this server writes them (RFC 7519 2 allows fractions)."""
    if type(value) is not int or not 0 <= value < _MAX_NUMERIC_DATE:
        raise InvalidJwt("CLAIM_MALFORMED")
    return value

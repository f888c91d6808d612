"""What a client's assertion must say (RFC 7523 3, OpenID Connect Core 9). Its signature is verified elsewhere."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.oauth.errors import InvalidClient
from libs.oauth.reasons import Reason
from libs.oauth.security_profiles import SecurityProfile

ASSERTION_TYPES = frozenset({"", "jwt", "client-authentication+jwt"})
"""What `typ` may be, in lower case; an empty string stands for none. The last one is of draft-ietf-oauth-rfc7523bis."""
SKEW = timedelta(seconds=60)
_MAX_JTI_LENGTH = 512


@dataclass(frozen=True)
class UsedAssertion:
    """What is kept of an assertion, so that it does not come twice."""

    digest: bytes
    expires_at: datetime


def judge_assertion(
    claims: Mapping[str, Any],
    *,
    client_id: str,
    issuer: str,
    audiences: Collection[str],
    profile: SecurityProfile,
    now: datetime,
) -> UsedAssertion:
    """The assertion is the client's own, for us, and good at this moment.

    Args:
        audiences: what `aud` may name, if the profile lets it: the issuer, or an endpoint of the client edge.

    Raises:
        InvalidClient: saying which claim is wrong.
    """
    if not claims.get("iss") == claims.get("sub") == client_id:
        raise _wrong("iss and sub must be the client_id", "ISSUER")
    _judge_audience(claims.get("aud"), issuer=issuer, audiences=audiences, profile=profile)
    expires_at = moment_of(claims.get("exp"))
    if expires_at is None or now >= expires_at + SKEW:
        raise _wrong("exp is missing, malformed or in the past", "EXPIRED")
    if expires_at > now + profile.assertion_lifetime + SKEW:
        minutes = int(profile.assertion_lifetime.total_seconds() // 60)
        raise _wrong(f"exp must be at most {minutes} minutes in the future", "TOO_LONG")
    for name in ("iat", "nbf"):
        if name in claims and ((moment := moment_of(claims[name])) is None or moment > now + SKEW):
            raise _wrong(f"{name} is malformed or in the future", Reason.NOT_YET_VALID)
    token_id = claims.get("jti")
    if not isinstance(token_id, str) or not 0 < len(token_id) <= _MAX_JTI_LENGTH:
        raise _wrong(f"jti is missing or exceeds {_MAX_JTI_LENGTH} characters", "ID_MISSING")
    digest = hashlib.sha256(f"{client_id} {token_id}".encode()).digest()
    return UsedAssertion(digest, expires_at + SKEW)


def _judge_audience(aud: Any, *, issuer: str, audiences: Collection[str], profile: SecurityProfile) -> None:
    """RFC 7523 3, 3."""
    if profile.assertion_for_issuer_only:
        if aud != issuer:
            raise _wrong("aud must be the issuer as a single string", "AUDIENCE")
        return
    named = [aud] if isinstance(aud, str) else aud
    if not isinstance(named, list) or not any(audience in audiences for audience in named):
        raise _wrong("aud must contain the issuer or the URL of the endpoint", "AUDIENCE")


def moment_of(value: Any) -> datetime | None:
    """A NumericDate (RFC 7519 2)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _wrong(what: str, reason: str) -> InvalidClient:
    return InvalidClient(f"client_assertion is invalid: {what}.", reason=Reason(f"CLIENT_ASSERTION_{reason}"))

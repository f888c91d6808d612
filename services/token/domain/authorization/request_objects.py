"""What a request object says (OpenID Connect Core 6, RFC 9101). Who signed it is judged elsewhere."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from libs.oauth.errors import InvalidRequestObject
from libs.oauth.parameters import RESOURCE, Parameters, join_resources
from libs.oauth.reasons import Reason
from libs.oauth.security_profiles import SecurityProfile
from services.token.domain.clients.client_assertions import SKEW, moment_of

_OF_THE_JWT = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub"})
_INSIDE_ANOTHER = frozenset({"request", "request_uri"})


def judge_request_object(
    claims: Mapping[str, Any], *, client_id: str, issuer: str, profile: SecurityProfile, now: datetime
) -> None:
    """It is the client's, for us, and good at this moment, as far as it says anything about that.

    Args:
        profile: which claims it must have, and how long it may live.

    Raises:
        InvalidRequestObject: it says otherwise, or points to yet another one (RFC 9101 4).
    """
    missing = sorted(profile.request_object_claims - claims.keys())
    if missing:
        raise _wrong(f"{missing[0]} is missing", Reason.CLAIM_MISSING)
    if claims.get("iss", client_id) != client_id or claims.get("client_id", client_id) != client_id:
        raise _wrong("iss and client_id must be the client_id of the client", "CLIENT")
    audience = claims.get("aud", issuer)
    if issuer not in (audience if isinstance(audience, list) else [audience]):
        raise _wrong("aud must be the issuer", "AUDIENCE")
    if "exp" in claims and ((expires_at := moment_of(claims["exp"])) is None or now >= expires_at + SKEW):
        raise _wrong("exp is malformed or in the past", "EXPIRED")
    if "nbf" in claims and ((starts_at := moment_of(claims["nbf"])) is None or now < starts_at - SKEW):
        raise _wrong("nbf is malformed or in the future", Reason.NOT_YET_VALID)
    if profile.request_object_lifetime is not None:
        _judge_strictly(claims, max_lifetime=profile.request_object_lifetime, now=now)
    if not _INSIDE_ANOTHER.isdisjoint(claims):
        raise _wrong("it must not contain request or request_uri", "NESTED")


def _judge_strictly(claims: Mapping[str, Any], *, max_lifetime: timedelta, now: datetime) -> None:
    """FAPI 2.0 Message Signing 5.3.1: the parties are named, and the time is short."""
    missing = [name for name in ("iss", "aud", "exp", "nbf") if name not in claims]
    if missing:
        raise _wrong(f"{missing[0]} is missing", Reason.CLAIM_MISSING)
    expires_at, starts_at = moment_of(claims["exp"]), moment_of(claims["nbf"])
    if expires_at is None or starts_at is None or max(expires_at - now, now - starts_at) > max_lifetime + SKEW:
        minutes = int(max_lifetime.total_seconds() // 60)
        raise _wrong(f"exp and nbf must be at most {minutes} minutes from the current time", "TOO_LONG")


def merged(outer: Parameters, claims: Mapping[str, Any]) -> Parameters:
    """The request that is meant: what the object says, and what only the query says (OpenID Connect Core 6.1).

    Raises:
        InvalidRequestObject: a value that no parameter can have, or another response_type than outside.
    """
    inner = {name: _text(name, value) for name, value in claims.items() if name not in _OF_THE_JWT}
    asked = outer.get("response_type")
    if asked is not None and set(inner.get("response_type", asked).split()) != set(asked.split()):
        raise _wrong("response_type differs from the response_type parameter of the request", "RESPONSE_TYPE")
    return Parameters({name: outer[name] for name in outer if name not in _INSIDE_ANOTHER} | inner)


def _text(name: str, value: Any) -> str:
    """As the query would have it: numbers in digits, `claims` as JSON, several resources as they are kept."""
    if name == RESOURCE:
        value = _resources(value)
    if isinstance(value, str):
        text = value
    elif isinstance(value, (dict, list)) or (isinstance(value, int) and not isinstance(value, bool)):
        text = json.dumps(value)
    else:
        raise _wrong("a member must be a string, an integer, an array or an object", "MEMBER_TYPE")
    if "\0" in text or "\0" in name:
        raise _wrong("a member contains a null character", "MEMBER_CHARACTER")
    return text


def _resources(value: Any) -> str:
    """One, or a list where a query would repeat the parameter (RFC 9101 4)."""
    resources = value if isinstance(value, list) else [value]
    if not all(isinstance(resource, str) for resource in resources):
        raise _wrong("resource must be a string or an array of strings", "MEMBER_TYPE")
    return join_resources(resources)


def _wrong(what: str, reason: str) -> InvalidRequestObject:
    return InvalidRequestObject(f"The request object is invalid: {what}.", reason=Reason(f"REQUEST_OBJECT_{reason}"))

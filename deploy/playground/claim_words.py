"""Explanations of the claims and header members of a token."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))

_WORDS: dict[str, str] = {
    "iss": "issuer: the server that issued the token",
    "sub": "subject: the stable identifier of the user or client",
    "client_id": "the client that requested the token",
    "scope": "the granted access",
    "jti": "the unique identifier of this token",
    "nonce": "binds the token to the sign-in of this browser",
    "at_hash": "left half of the hash of the access token in the same response",
    "c_hash": "left half of the hash of the code in the same response",
    "acr": "the assurance level of the sign-in",
    "amr": "the authentication methods of the sign-in (RFC 8176)",
    "grant_id": "the consent on which the token is based",
    "azp": "authorized party: the client of the token",
    "sid": "the session at the server, used for logout",
    "typ": "the kind of token",
    "alg": "signature algorithm",
    "kid": "identifies the signing key in the key set",
    "email_verified": "whether the server has verified the email address",
    "updated_at": "when the profile last changed",
}
_TYPES = {"at+jwt": "an access token (RFC 9068)", "JWT": "a JSON Web Token"}
_METHODS = {"pwd": "password", "otp": "one-time password", "hwk": "hardware key", "mfa": "two factors", "swk": "key"}


def duration(seconds: float) -> str:
    """A length of time in its largest unit, for example `9 min`."""
    for size, unit in _UNITS:
        if abs(seconds) >= size:
            return f"{int(abs(seconds) // size)} {unit}"
    return "0 s"


def _moment(before: str, after: str) -> Callable[[float, float], str]:
    def words(moment: float, now: float) -> str:
        if moment > now:
            return f"{before} in {duration(moment - now)}"
        return f"{after} {duration(now - moment)} ago"

    return words


_TIMES = {
    "exp": _moment("expires", "expired"),
    "iat": _moment("issued", "issued"),
    "nbf": _moment("valid", "valid since"),
    "auth_time": _moment("signed in", "the user signed in"),
}


def explain(name: str, value: Any, *, now: datetime) -> str:
    """Explain a claim or header member; an empty string for unknown names."""
    if name in _TIMES and isinstance(value, (int, float)) and not isinstance(value, bool):
        at = datetime.fromtimestamp(value, UTC)
        return f"{_TIMES[name](value, now.timestamp())} ({at:%H:%M:%S} UTC)"
    if name == "aud":
        return "audience: the recipients that may accept the token"
    if name == "typ" and value in _TYPES:
        return _TYPES[value]
    if name == "amr" and isinstance(value, list):
        return f"{_WORDS['amr']}: {', '.join(_METHODS.get(str(one), str(one)) for one in value)}"
    return _WORDS.get(name, "")


def lifetime(response: Mapping[str, Any]) -> str:
    """Describe the lifetime of the access token of a token response."""
    seconds = response.get("expires_in")
    return f"Lifetime: {duration(float(seconds))}." if isinstance(seconds, (int, float)) else ""

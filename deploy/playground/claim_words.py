"""Claims in plain words: what a member of a token means for whoever reads it now."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))

_WORDS: dict[str, str] = {
    "iss": "issuer: who made the token",
    "sub": "subject: whom it is about, by an id that never changes",
    "client_id": "the application that asked for it",
    "scope": "what it is good for",
    "jti": "the number of this very token",
    "nonce": "ties the token to the sign-in that this browser began",
    "at_hash": "half a hash of the access token that came with it",
    "c_hash": "half a hash of the code that came with it",
    "acr": "how strong the sign-in was",
    "amr": "how the person proved who they are (RFC 8176)",
    "grant_id": "the consent that it rests on",
    "azp": "the application that the token was made for",
    "sid": "the session at the server, used to sign out everywhere",
    "typ": "kind of token, so that none passes for another",
    "alg": "signature algorithm",
    "kid": "which key of the key set signed it",
    "email_verified": "whether the server knows that the address belongs to the person",
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
    "auth_time": _moment("signed in", "the person signed in"),
}


def explain(name: str, value: Any, *, now: datetime) -> str:
    """What a claim or header member means, or an empty string when its name says it all."""
    if name in _TIMES and isinstance(value, (int, float)) and not isinstance(value, bool):
        at = datetime.fromtimestamp(value, UTC)
        return f"{_TIMES[name](value, now.timestamp())} ({at:%H:%M:%S} UTC)"
    if name == "aud":
        return "audience: who may accept it"
    if name == "typ" and value in _TYPES:
        return _TYPES[value]
    if name == "amr" and isinstance(value, list):
        return f"{_WORDS['amr']}: {', '.join(_METHODS.get(str(one), str(one)) for one in value)}"
    return _WORDS.get(name, "")


def lifetime(response: Mapping[str, Any]) -> str:
    """How long the access token of a token response lives, in words."""
    seconds = response.get("expires_in")
    return f"It lives {duration(float(seconds))}." if isinstance(seconds, (int, float)) else ""

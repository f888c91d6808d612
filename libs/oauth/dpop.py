"""What a DPoP proof must say of its request (RFC 9449 4.3). Its signature is verified in `libs.crypto.dpop`."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from libs.crypto.strict import base64url
from libs.oauth.errors import InvalidDpopProof
from libs.oauth.reasons import Reason

SCHEME: Final = "DPoP"
MAX_AGE: Final = timedelta(seconds=60)
"""Largest difference between `iat` and the current time, for a proof without a nonce of this server."""
_MAX_JTI_LENGTH: Final = 512
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_URL_CHARACTERS: Final = re.compile(r"[!-~]+")
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


def is_thumbprint(text: str) -> bool:
    """Return whether the text has the form of a SHA-256 JWK thumbprint (RFC 7638)."""
    return _THUMBPRINT.fullmatch(text) is not None


def check_request(claims: Mapping[str, Any], *, method: str, url: str, access_token: str | None) -> str:
    """Check that the proof was made for this request, and return its `jti`.

    Args:
        url: the public URL of the endpoint, from the configuration.
        access_token: the access token of the request, if it has one; then `ath` must be its hash.

    Raises:
        InvalidDpopProof: naming the wrong claim.
    """
    token_id = claims.get("jti")
    if not isinstance(token_id, str) or not 0 < len(token_id) <= _MAX_JTI_LENGTH:
        raise _malformed(f"jti must be a string of at most {_MAX_JTI_LENGTH} characters")
    if claims.get("htm") != method:
        raise _mismatch("htm must be the HTTP method of the request")
    htu = claims.get("htu")
    if not isinstance(htu, str) or (found := normal_url(htu)) is None or found != normal_url(url):
        raise _mismatch("htu must be the URL of the endpoint without query and fragment")
    if access_token is not None and not _is_hash(claims.get("ath"), access_token):
        raise _mismatch("ath must be the SHA-256 hash of the access token in base64url")
    return token_id


def check_times(claims: Mapping[str, Any], *, now: datetime, has_nonce: bool) -> None:
    """Check `iat`, and `exp` and `nbf` if the proof has them.

    Args:
        has_nonce: the proof has a current nonce of this server. Then `iat` may be any time (RFC 9449 11.1).

    Raises:
        InvalidDpopProof: DPOP_PROOF_TIME when a time is too far from the current time.
    """
    moment, leeway = now.timestamp(), MAX_AGE.total_seconds()
    issued = _number(claims, "iat")
    if not has_nonce and abs(moment - issued) > leeway:
        raise _late("iat must be within a minute of the current time")
    if "exp" in claims and moment >= _number(claims, "exp") + leeway:
        raise _late("exp is in the past")
    if "nbf" in claims and moment < _number(claims, "nbf") - leeway:
        raise _late("nbf is in the future")


def normal_url(text: str) -> tuple[str, str, int | None, str] | None:
    """Return scheme, host, port and path of a URL in normal form (RFC 3986 6.2), without query and fragment."""
    if not _URL_CHARACTERS.fullmatch(text):
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if not parts.scheme or not parts.hostname or "@" in parts.netloc:
        return None
    scheme = parts.scheme.lower()
    path = _ESCAPE.sub(_normal_escape, parts.path) or "/"
    return scheme, parts.hostname.lower(), port or _DEFAULT_PORTS.get(scheme), path


def _normal_escape(escape: re.Match[str]) -> str:
    """RFC 3986 6.2.2: unreserved characters are not escaped, and the digits of escapes are in upper case."""
    character = chr(int(escape[1], 16))
    return character if _UNRESERVED.fullmatch(character) else escape[0].upper()


def access_token_hash(access_token: str) -> str:
    """Return `ath` of a proof with this access token (RFC 9449 4.2)."""
    return base64url(hashlib.sha256(access_token.encode()).digest())


def _is_hash(value: object, access_token: str) -> bool:
    if not isinstance(value, str):
        return False
    return hmac.compare_digest(value.encode(), access_token_hash(access_token).encode())


def _number(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**53:
        raise _malformed(f"{name} must be a number of seconds")
    return float(value)


def _malformed(what: str) -> InvalidDpopProof:
    return InvalidDpopProof(f"The DPoP proof is invalid: {what}.", reason=Reason.DPOP_PROOF_MALFORMED)


def _mismatch(what: str) -> InvalidDpopProof:
    return InvalidDpopProof(f"The DPoP proof is invalid: {what}.", reason=Reason.DPOP_PROOF_MISMATCH)


def _late(what: str) -> InvalidDpopProof:
    return InvalidDpopProof(f"The DPoP proof is invalid: {what}.", reason=Reason.DPOP_PROOF_TIME)

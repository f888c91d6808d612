"""Proof Key for Code Exchange: method S256 only (RFC 7636, RFC 9700 2.1.1)."""

import base64
import hashlib
import hmac

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason

METHOD = "S256"
_CHALLENGE_LENGTH = 43
_VERIFIER_LENGTHS = range(43, 129)
_BASE64URL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_UNRESERVED = _BASE64URL | {".", "~"}


def check_challenge(challenge: str, method: str | None) -> str:
    """Return the challenge if it is valid (RFC 7636 4.2, 4.3).

    Raises:
        InvalidRequest: the method is not S256 (without one it is plain), or the challenge is not a SHA-256 digest in
            base64url.
    """
    if method != METHOD:
        raise InvalidRequest("code_challenge_method must be S256 (RFC 7636 4.3).", reason=Reason.PKCE_METHOD)
    if len(challenge) != _CHALLENGE_LENGTH or not _BASE64URL.issuperset(challenge):
        raise InvalidRequest(
            "code_challenge must be a SHA-256 digest in 43 base64url characters (RFC 7636 4.2).",
            reason=Reason.PKCE_CHALLENGE_MALFORMED,
        )
    return challenge


def verifier_matches(verifier: str, challenge: str) -> bool:
    """Return whether the verifier hashes to the challenge (RFC 7636 4.6). A malformed verifier never matches."""
    if len(verifier) not in _VERIFIER_LENGTHS or not _UNRESERVED.issuperset(verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=")
    return hmac.compare_digest(digest, challenge.encode("ascii"))

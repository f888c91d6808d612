"""DPoP proofs of requests with an access token (RFC 9449 4.3, 7)."""

import hashlib
import hmac
import re
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from latchkey_sdk.errors import ProofRefused, TokenRefused
from latchkey_sdk.verifier.signature import read_proof
from latchkey_sdk.verifier.strict import base64url

MAX_AGE_SECONDS: Final = 60
MAX_PROOFS_PER_KEY: Final = 10_000
"""Proofs of one key that are remembered at the same time. Further ones are refused, so that one client cannot fill the
memory."""
_REMEMBERED_SECONDS: Final = 2 * MAX_AGE_SECONDS + 1
_MAX_JTI_LENGTH: Final = 512
_URL_CHARACTERS: Final = re.compile(r"[!-~]+")
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, kw_only=True)
class DpopRequest:
    """A request with the scheme DPoP.

    Args:
        method: HTTP method.
        url: URL of the request as clients call it. Take its origin from your configuration, not from the Host header.
        proofs: the values of all DPoP headers.
    """

    method: str
    url: str
    proofs: Sequence[str] = field(repr=False)


class ProofMemory:
    """The proofs of the last two minutes, in this process."""

    def __init__(self) -> None:
        self._order: deque[tuple[float, str, bytes]] = deque()
        self._used: set[bytes] = set()
        self._by_key: Counter[str] = Counter()

    def use(self, jkt: str, token_id: str, *, now: float) -> None:
        """Raises ProofRefused when the proof was used before, or when the key has used too many proofs."""
        self._forget(now)
        digest = hashlib.sha256(f"{jkt} {token_id}".encode()).digest()
        if digest in self._used:
            raise ProofRefused("The DPoP proof has already been used: jti must be unique.", reason="PROOF_REPLAYED")
        if self._by_key[jkt] >= MAX_PROOFS_PER_KEY:
            raise ProofRefused("Too many requests with this DPoP key: retry in two minutes.", reason="PROOFS_FULL")
        self._used.add(digest)
        self._by_key[jkt] += 1
        self._order.append((now + _REMEMBERED_SECONDS, jkt, digest))

    def _forget(self, now: float) -> None:
        while self._order and self._order[0][0] <= now:
            _, jkt, digest = self._order.popleft()
            self._used.discard(digest)
            self._by_key[jkt] -= 1
            if not self._by_key[jkt]:
                del self._by_key[jkt]


def require_possession(
    token: str, claims: Mapping[str, Any], request: DpopRequest | None, memory: ProofMemory, *, now: float
) -> None:
    """Check that a bound token comes with a proof of its key, and every other token as a bearer token.

    Raises:
        TokenRefused: another scheme or another key.
        ProofRefused: the proof is missing or invalid.
    """
    jkt = _bound_to(claims)
    if jkt is None and request is None:
        return
    if jkt is None:
        raise TokenRefused("The access token is not bound to a key: use the scheme Bearer.", reason="NOT_BOUND")
    if request is None:
        raise TokenRefused(
            "The access token is bound to a key: use the scheme DPoP with a proof (RFC 9449 7.1).", reason="BOUND"
        )
    if len(request.proofs) != 1:
        raise ProofRefused("The request must have exactly one DPoP header.", reason="PROOF_COUNT")
    found, proof = read_proof(request.proofs[0])
    token_id = _check_proof(proof, request, token, now=now)
    if not hmac.compare_digest(found.encode(), jkt.encode()):
        raise TokenRefused("The access token is bound to another DPoP key.", reason="KEY_MISMATCH")
    memory.use(jkt, token_id, now=now)


def _bound_to(claims: Mapping[str, Any]) -> str | None:
    """Return the thumbprint of the key. Raises TokenRefused for a binding that is not supported."""
    if "cnf" not in claims:
        return None
    match claims["cnf"]:
        case {"jkt": str(jkt), **others} if not others:
            return jkt
    raise TokenRefused("The access token is bound in a way that is not supported.", reason="BINDING_UNSUPPORTED")


def _check_proof(proof: Mapping[str, Any], request: DpopRequest, token: str, *, now: float) -> str:
    token_id = proof.get("jti")
    if not isinstance(token_id, str) or not 0 < len(token_id) <= _MAX_JTI_LENGTH:
        raise _invalid("jti is missing or too long", "PROOF_MALFORMED")
    if proof.get("htm") != request.method:
        raise _invalid("htm must be the HTTP method of the request", "PROOF_MISMATCH")
    url = proof.get("htu")
    if not isinstance(url, str) or (found := _normal_url(url)) is None or found != _normal_url(request.url):
        raise _invalid("htu must be the URL of the request without query and fragment", "PROOF_MISMATCH")
    expected = base64url(hashlib.sha256(token.encode()).digest())
    if not isinstance(proof.get("ath"), str) or not hmac.compare_digest(proof["ath"].encode(), expected.encode()):
        raise _invalid("ath must be the SHA-256 hash of the access token in base64url", "PROOF_MISMATCH")
    if abs(now - _moment(proof, "iat")) > MAX_AGE_SECONDS:
        raise _invalid("iat must be within a minute of the current time", "PROOF_TIME")
    if "exp" in proof and now >= _moment(proof, "exp") + MAX_AGE_SECONDS:
        raise _invalid("exp is in the past", "PROOF_TIME")
    if "nbf" in proof and now < _moment(proof, "nbf") - MAX_AGE_SECONDS:
        raise _invalid("nbf is in the future", "PROOF_TIME")
    return token_id


def _moment(proof: Mapping[str, Any], name: str) -> float:
    value = proof.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**53:
        raise _invalid(f"{name} must be a number of seconds", "PROOF_MALFORMED")
    return float(value)


def _normal_url(text: str) -> tuple[str, str, int | None, str] | None:
    """Return scheme, host, port and path in normal form (RFC 3986 6.2), without query and fragment."""
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
    character = chr(int(escape[1], 16))
    return character if _UNRESERVED.fullmatch(character) else escape[0].upper()


def _invalid(what: str, reason: str) -> ProofRefused:
    return ProofRefused(f"The DPoP proof is invalid: {what}.", reason=reason)

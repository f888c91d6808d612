"""DPoP (RFC 9449): the proof of a request, the nonces of this server, and the keys that tokens are bound to."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from libs.crypto.strict import base64url
from libs.oauth.errors import InvalidGrant, InvalidRequest
from libs.oauth.reasons import Reason
from services.token.domain.clients.client_assertions import UsedAssertion

NonceMode = Literal["off", "stale", "required"]
_STEP_SECONDS = 60
_STEPS_BACK, _STEPS_AHEAD = 5, 1
_NONCE_BYTES = 16
REMEMBERED = timedelta(seconds=(_STEPS_BACK + _STEPS_AHEAD + 2) * _STEP_SECONDS)
"""How long a used proof is remembered: longer than any proof is accepted."""


@dataclass(frozen=True, kw_only=True)
class DpopHeader:
    """The DPoP headers of a request, unverified."""

    method: str
    url: str
    """Public URL of the endpoint, from the configuration."""
    proofs: tuple[str, ...] = field(default=(), repr=False)


NO_PROOF = DpopHeader(method="", url="")


@dataclass(frozen=True, kw_only=True)
class VerifiedProof:
    """`jkt`: thumbprint of the key that the client proved to have."""

    jkt: str
    token_id: str
    url: str

    def use(self, *, now: datetime) -> UsedAssertion:
        """Return what is stored, so that the proof is not accepted again."""
        digest = hashlib.sha256(f"dpop {self.jkt} {self.url} {self.token_id}".encode()).digest()
        return UsedAssertion(digest, now + REMEMBERED)


@dataclass(frozen=True)
class DpopNonces:
    """Nonces without a store: a MAC of the current minute, which every replica can verify.

    Args:
        keys: the first one makes nonces, all of them are accepted.
    """

    keys: Sequence[bytes] = field(repr=False)

    def current(self, now: datetime) -> str:
        """Return a nonce that is accepted for the next five minutes."""
        return _nonce(self.keys[0], _step(now))

    def is_current(self, nonce: str, now: datetime) -> bool:
        """Return whether it is a nonce of the last five minutes, or of a replica whose clock is a minute ahead."""
        steps = range(_step(now) - _STEPS_BACK, _step(now) + _STEPS_AHEAD + 1)
        made = [_nonce(key, step) for key in self.keys for step in steps]
        return sum(hmac.compare_digest(each.encode(), nonce.encode()) for each in made) > 0


def _step(now: datetime) -> int:
    return int(now.timestamp()) // _STEP_SECONDS


def _nonce(key: bytes, step: int) -> str:
    return base64url(hmac.digest(key, b"latchkey dpop nonce\0" + step.to_bytes(8), "sha256")[:_NONCE_BYTES])


def require_key(bound_to: str | None, proof: VerifiedProof | None) -> None:
    """Raises InvalidGrant when the code or refresh token is bound to another key than the proof's (RFC 9449 5, 10)."""
    if bound_to is None:
        return
    if proof is None or not hmac.compare_digest(bound_to.encode(), proof.jkt.encode()):
        raise InvalidGrant(
            "The code or refresh token is bound to another DPoP key (RFC 9449 5).", reason=Reason.DPOP_KEY_MISMATCH
        )


def require_proof(proof: VerifiedProof | None, *, bound_tokens: bool) -> None:
    """Raises InvalidRequest when the client gets bound tokens only and the request has no proof (RFC 9449 5.2)."""
    if bound_tokens and proof is None:
        raise InvalidRequest(
            "The request needs a DPoP header: dpop_bound_access_tokens is registered for this client (RFC 9449 5).",
            reason=Reason.DPOP_PROOF_MISSING,
        )

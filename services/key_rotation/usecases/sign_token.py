"""A signature for a token service that has no private keys."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from prometheus_client import Counter

from libs.crypto.jwt import sign_jwt
from libs.oauth.errors import InvalidRequest, OAuthError
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock
from libs.servicekit.base.rates import Rate
from services.key_rotation.domain.keys import ALGS
from services.key_rotation.domain.signing import REFUSED, require_ours
from services.key_rotation.ports import Signers

SIGNATURES: Final = Counter(
    "latchkey_remote_signatures_total", "Signatures asked of key-rotation: signed, or why not.", ["alg", "outcome"]
)
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class SigningQuestion:
    alg: str
    typ: str
    claims: dict[str, Any] = field(repr=False)
    verifiable_for: timedelta
    """The longest life of anything that the caller signs."""


class SignToken:
    """Signs at most `per_second` tokens; beyond that the caller is told to come back."""

    def __init__(self, *, signers: Signers, issuer: str, per_second: int, clock: Clock) -> None:
        self._signers = signers
        self._issuer = issuer
        self._rate = Rate(size=per_second, refill=timedelta(seconds=1), reason=Reason.SIGNATURES_PER_SECOND, max_keys=1)
        self._clock = clock

    async def __call__(self, question: SigningQuestion) -> str:
        """A token, signed with the active key of the algorithm.

        Raises:
            InvalidRequest: ALG_UNKNOWN, CLAIMS_REFUSED.
            TemporarilyUnavailable: SIGNATURES_PER_SECOND, and what `Signers` raises.
        """
        alg = question.alg if question.alg in ALGS else "unknown"
        try:
            token = await self._sign(question)
        except OAuthError as error:
            SIGNATURES.labels(alg, error.reason).inc()
            raise
        SIGNATURES.labels(alg, "signed").inc()
        return token

    async def _sign(self, question: SigningQuestion) -> str:
        if question.alg not in ALGS:
            raise InvalidRequest("Nothing is signed with this algorithm.", reason=Reason.ALG_UNKNOWN)
        self._rate.consume("", 1, now=self._clock.now())
        key, signing_key = await self._signers.signer(question.alg, verifiable_for=question.verifiable_for)
        try:
            require_ours(question.claims, question.typ, issuer=self._issuer, lives=key.signs_for, now=self._clock.now())
            return sign_jwt(question.claims, signing_key, typ=question.typ)
        except (InvalidRequest, ValueError) as refusal:
            _log.error("A token that is none of ours was to be signed", typ=question.typ, cause=str(refusal))
            raise InvalidRequest("These claims are not signed.", reason=REFUSED) from None

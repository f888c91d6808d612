"""Signs a token for a token service without private keys."""

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
from services.key_rotation.domain.signing import REFUSED, require_signable
from services.key_rotation.ports import Signers

SIGNATURES: Final = Counter(
    "latchkey_remote_signatures_total",
    "Requested token signatures: signed, or the reason of the refusal.",
    ["alg", "outcome"],
)
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class TokenSigningRequest:
    alg: str
    typ: str
    claims: dict[str, Any] = field(repr=False)
    verifiable_for: timedelta
    """Longest lifetime of the tokens that the caller requests."""


class SignToken:
    """Signs at most `per_second` tokens per second; beyond that it raises TemporarilyUnavailable."""

    def __init__(self, *, signers: Signers, issuer: str, per_second: int, clock: Clock) -> None:
        self._signers = signers
        self._issuer = issuer
        self._rate = Rate(size=per_second, refill=timedelta(seconds=1), reason=Reason.SIGNATURES_PER_SECOND, max_keys=1)
        self._clock = clock

    async def __call__(self, request: TokenSigningRequest) -> str:
        """Return the token, signed with the active key of the algorithm.

        Raises:
            InvalidRequest: ALG_UNKNOWN, CLAIMS_REFUSED.
            TemporarilyUnavailable: SIGNATURES_PER_SECOND, and what `Signers` raises.
        """
        alg = request.alg if request.alg in ALGS else "unknown"
        try:
            token = await self._sign(request)
        except OAuthError as error:
            SIGNATURES.labels(alg, error.reason).inc()
            raise
        SIGNATURES.labels(alg, "signed").inc()
        return token

    async def _sign(self, request: TokenSigningRequest) -> str:
        if request.alg not in ALGS:
            raise InvalidRequest(f"alg must be one of {', '.join(ALGS)}.", reason=Reason.ALG_UNKNOWN)
        self._rate.consume("", 1, now=self._clock.now())
        key, signing_key = await self._signers.signer(request.alg, verifiable_for=request.verifiable_for)
        try:
            require_signable(
                request.claims, request.typ, issuer=self._issuer, max_lifetime=key.signs_for, now=self._clock.now()
            )
            return sign_jwt(request.claims, signing_key, typ=request.typ)
        except (InvalidRequest, ValueError) as refusal:
            _log.error(
                "token.signing_refused",
                message="Refused to sign a token with an unexpected shape",
                typ=request.typ,
                cause=str(refusal),
            )
            raise InvalidRequest("claims do not form a token that Latchkey issues.", reason=REFUSED) from None

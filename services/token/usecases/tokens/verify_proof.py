"""Verify the DPoP proof of a request (RFC 9449 4.3, 8, 11.1)."""

from dataclasses import dataclass
from datetime import datetime

from libs.crypto.dpop import signed_proof
from libs.crypto.errors import InvalidJwt
from libs.oauth.dpop import check_request, check_times
from libs.oauth.errors import InvalidDpopProof, UseDpopNonce
from libs.oauth.reasons import Reason
from services.token.domain.tokens.dpop import DpopHeader, DpopNonces, NonceMode, VerifiedProof
from services.token.ports.work import Begin


@dataclass(frozen=True, kw_only=True)
class VerifyProof:
    """Two steps: `verify` stores nothing, `consume` stores the proof.

    The caller consumes a proof only when the rest of the request is valid, so that a request without valid credentials
    cannot fill the store.
    """

    begin: Begin
    nonces: DpopNonces
    nonce_mode: NonceMode

    def verify(self, header: DpopHeader, *, now: datetime, access_token: str | None = None) -> VerifiedProof | None:
        """Return the verified proof of the request, or None when the request has no DPoP header.

        Raises:
            InvalidDpopProof: malformed, for another request, or too old.
            UseDpopNonce: the proof needs a current nonce (RFC 9449 8).
        """
        if not header.proofs:
            return None
        if len(header.proofs) > 1:
            raise InvalidDpopProof("The request has more than one DPoP header.", reason=Reason.DPOP_PROOF_REPEATED)
        try:
            proof = signed_proof(header.proofs[0])
        except InvalidJwt as fault:
            raise _invalid(fault) from None
        token_id = check_request(proof.claims, method=header.method, url=header.url, access_token=access_token)
        has_nonce = self._has_nonce(proof.claims.get("nonce"), now=now)
        try:
            check_times(proof.claims, now=now, has_nonce=has_nonce)
        except InvalidDpopProof as error:
            if error.reason is Reason.DPOP_PROOF_TIME and not has_nonce and self.nonce_mode != "off":
                raise self._use_nonce(now) from None
            raise
        return VerifiedProof(jkt=proof.jkt, token_id=token_id, url=header.url)

    async def consume(self, proof: VerifiedProof | None, *, now: datetime) -> None:
        """Store the proof. Raises InvalidDpopProof when it was used before, also at another replica."""
        if proof is None:
            return
        async with self.begin() as work:
            is_new = await work.assertions.use(proof.use(now=now))
        if not is_new:
            raise InvalidDpopProof(
                "The DPoP proof has already been used: jti must be unique (RFC 9449 11.1).",
                reason=Reason.DPOP_PROOF_REPLAYED,
            )

    def _has_nonce(self, nonce: object, *, now: datetime) -> bool:
        """Return whether the proof has a current nonce. Raises UseDpopNonce for another nonce, or without one."""
        if self.nonce_mode == "off" or (nonce is None and self.nonce_mode != "required"):
            return False
        if isinstance(nonce, str) and self.nonces.is_current(nonce, now):
            return True
        raise self._use_nonce(now)

    def _use_nonce(self, now: datetime) -> UseDpopNonce:
        return UseDpopNonce(nonce=self.nonces.current(now))


def _invalid(fault: InvalidJwt) -> InvalidDpopProof:
    if fault.reason == "SIGNATURE_INVALID":
        return InvalidDpopProof(
            "The DPoP proof is invalid: the signature does not match its jwk.", reason=Reason.DPOP_PROOF_SIGNATURE
        )
    return InvalidDpopProof(
        "The DPoP proof is invalid: it must be a JWT with typ dpop+jwt, a supported alg and a public jwk "
        "(RFC 9449 4.2).",
        reason=Reason.DPOP_PROOF_MALFORMED,
    )

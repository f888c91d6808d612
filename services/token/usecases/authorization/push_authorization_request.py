"""Pushed authorization requests (RFC 9126 2)."""

from dataclasses import dataclass
from typing import Any

from libs.crypto.hashing import secret_hash
from libs.crypto.random import new_secret
from libs.oauth.client_authentication import Credentials
from libs.oauth.errors import InvalidRequest
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.token.domain.authorization import pending_requests
from services.token.domain.authorization.authorization_request import AuthorizationRequest, find_redirect_uri, judge
from services.token.domain.authorization.pushed_requests import LIFETIME, URI_PREFIX, PushedRequest
from services.token.domain.tokens.dpop import NO_PROOF, DpopHeader, VerifiedProof
from services.token.ports.authorization import PendingRequestLimiter
from services.token.ports.work import Begin
from services.token.usecases.authorization.read_request_object import ReadRequestObject
from services.token.usecases.clients.authenticate_client import AuthenticateClient
from services.token.usecases.tokens.verify_proof import VerifyProof

_OF_THE_CLIENT = frozenset({"client_secret", "client_assertion", "client_assertion_type"})


@dataclass(frozen=True, kw_only=True)
class PushAuthorizationRequest:
    begin: Begin
    authenticate: AuthenticateClient
    proofs: VerifyProof
    read_request_object: ReadRequestObject
    pending_request_limiter: PendingRequestLimiter
    clock: Clock

    async def __call__(
        self, credentials: Credentials, parameters: Parameters, *, network: str = "", dpop: DpopHeader = NO_PROOF
    ) -> dict[str, Any]:
        """The response of RFC 9126 2.2. What is wrong with the request is said here and now.

        Raises:
            OAuthError: as the authorization endpoint would, and InvalidClient; TemporarilyUnavailable when too much
                comes of this client, or of clients that prove nothing from this network.
        """
        now = self.clock.now()
        client = await self.authenticate(credentials, now=now)
        if "request_uri" in parameters:
            raise InvalidRequest(
                "request_uri must not be sent in a pushed authorization request (RFC 9126 2.1).",
                reason=Reason.PUSHED_REQUEST_URI,
            )
        asked = Parameters(
            {name: value for name, value in parameters.items() if name not in _OF_THE_CLIENT}
            | {"client_id": client.client_id}
        )
        proof = self.proofs.verify(dpop, now=now)
        asked = _bound_to(proof, await self.read_request_object(asked, client, now=now))
        judge(AuthorizationRequest(parameters=asked, redirect_uri=find_redirect_uri(asked, client)), client)
        proved = "" if client.metadata.is_public else client.client_id
        self.pending_request_limiter.require_room(asked, network=network, client_id=proved, now=now)
        await self.proofs.consume(proof, now=now)
        request_id = new_secret()
        async with self.begin() as work:
            await work.pushed_requests.add(
                PushedRequest(
                    id_hash=secret_hash(request_id),
                    client_id=client.client_id,
                    parameters=asked,
                    created_at=now,
                    expires_at=now + LIFETIME + pending_requests.LIFETIME,
                )
            )
        return {"request_uri": URI_PREFIX + request_id, "expires_in": int(LIFETIME.total_seconds())}


def _bound_to(proof: VerifiedProof | None, asked: Parameters) -> Parameters:
    """Bind the code to the key of the proof (RFC 9449 10.1). Raises InvalidRequest when dpop_jkt is another key."""
    if proof is None:
        return asked
    if asked.get("dpop_jkt", proof.jkt) != proof.jkt:
        raise InvalidRequest(
            "dpop_jkt differs from the key of the DPoP proof (RFC 9449 10.1).", reason=Reason.DPOP_KEY_MISMATCH
        )
    return Parameters({**asked, "dpop_jkt": proof.jkt})

"""For resource servers: verifies access tokens locally, with immediate revocation (`latchkey-sdk[verifier]`)."""

from latchkey_sdk.errors import (
    AccessRefused,
    InsufficientScope,
    LatchkeyError,
    ProofRefused,
    TokenRefused,
    VerifierUnavailable,
)
from latchkey_sdk.verifier.access_token import AccessToken
from latchkey_sdk.verifier.dpop import DpopRequest
from latchkey_sdk.verifier.token_verifier import Status, TokenVerifier

__all__ = [
    "AccessRefused",
    "AccessToken",
    "DpopRequest",
    "InsufficientScope",
    "LatchkeyError",
    "ProofRefused",
    "Status",
    "TokenRefused",
    "TokenVerifier",
    "VerifierUnavailable",
]

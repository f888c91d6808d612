"""The schemes Bearer (RFC 6750) and DPoP (RFC 9449) for resource servers, independent of a framework."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from latchkey_sdk.errors import InsufficientScope, LatchkeyError, ProofRefused, TokenRefused, VerifierUnavailable
from latchkey_sdk.verifier.access_token import AccessToken
from latchkey_sdk.verifier.dpop import DpopRequest
from latchkey_sdk.verifier.signature import PROOF_ALGORITHMS
from latchkey_sdk.verifier.token_verifier import TokenVerifier

_SCHEME: Final = "bearer"
_DPOP: Final = "dpop"
_DPOP_CHALLENGE: Final = f'DPoP algs="{" ".join(PROOF_ALGORITHMS)}"'


class Refused(Exception):
    """The request is refused with `response`."""

    def __init__(self, response: "Refusal") -> None:
        super().__init__(response.error or "no token")
        self.response: Final = response


@dataclass(frozen=True)
class Refusal:
    """A complete HTTP response."""

    status: int
    error: str = ""
    """Empty if the request had no token: then the response has no error code (RFC 6750 3.1)."""
    description: str = ""
    scope: str = ""
    retry_after: int | None = None
    dpop: bool = False
    """Whether the challenge is one of the scheme DPoP, or names both schemes if there is no error."""

    @property
    def headers(self) -> Mapping[str, str]:
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        else:
            parameters = {"error": self.error, "error_description": self.description, "scope": self.scope}
            members = ", ".join(f'{name}="{value}"' for name, value in parameters.items() if value)
            headers["WWW-Authenticate"] = self._challenge(members)
        return headers

    def _challenge(self, members: str) -> str:
        bearer = f"Bearer {members}".rstrip()
        if not self.dpop:
            return bearer
        return f"{_DPOP_CHALLENGE}, {members}" if self.error else f"{bearer}, {_DPOP_CHALLENGE}"

    @property
    def body(self) -> bytes:
        body = {"error": self.error or "invalid_request", "error_description": self.description or "No access token."}
        return json.dumps(body).encode()


async def verify_request(
    verifier: TokenVerifier,
    authorization: Sequence[str],
    *,
    scopes: Iterable[str] = (),
    dpop: DpopRequest | None = None,
) -> AccessToken:
    """Return the verified access token of a request.

    Args:
        authorization: the values of all Authorization headers. Tokens in the query or the body are not accepted
            (RFC 6750 2.2 and 2.3 are optional and put tokens into logs).
        dpop: the request and its DPoP headers; None if the scheme DPoP is not accepted.

    Raises:
        Refused: with the response to send.
    """
    scopes = tuple(scopes)
    scheme, token = _token(authorization, scopes, accepts_dpop=dpop is not None)
    used = dpop if scheme == _DPOP else None
    try:
        return await verifier.verify(token, scopes=scopes, dpop=used)
    except LatchkeyError as error:
        raise Refused(replace(refusal_of(error), dpop=used is not None)) from None


def refusal_of(error: LatchkeyError) -> Refusal:
    """Return the response for an error of `TokenVerifier.verify` or `AccessToken.require`; raise other errors again."""
    match error:
        case ProofRefused():
            return Refusal(401, "invalid_dpop_proof", str(error), dpop=True)
        case TokenRefused():
            return Refusal(401, "invalid_token", str(error))
        case InsufficientScope():
            return Refusal(403, "insufficient_scope", str(error), scope=" ".join(error.scopes))
        case VerifierUnavailable():
            return Refusal(503, "temporarily_unavailable", str(error), retry_after=error.retry_after)
        case _:
            raise error


def _token(authorization: Sequence[str], scopes: Iterable[str], *, accepts_dpop: bool) -> tuple[str, str]:
    """Return the scheme in lower case, and the token."""
    if len(authorization) > 1:
        raise Refused(Refusal(400, "invalid_request", "The request has more than one Authorization header."))
    scheme, _, token = authorization[0].partition(" ") if authorization else ("", "", "")
    scheme = scheme.lower()
    if scheme != _SCHEME and not (accepts_dpop and scheme == _DPOP):
        raise Refused(Refusal(401, scope=" ".join(sorted(scopes)), dpop=accepts_dpop))
    token = token.strip(" ")
    if not token or " " in token:
        raise Refused(Refusal(400, "invalid_request", "The Authorization header is malformed."))
    return scheme, token

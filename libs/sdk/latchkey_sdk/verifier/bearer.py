"""The Bearer scheme for resource servers (RFC 6750), independent of a framework."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from latchkey_sdk.errors import InsufficientScope, LatchkeyError, TokenRefused, VerifierUnavailable
from latchkey_sdk.verifier.access_token import AccessToken
from latchkey_sdk.verifier.token_verifier import TokenVerifier

_SCHEME: Final = "bearer"


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

    @property
    def headers(self) -> Mapping[str, str]:
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        else:
            parameters = {"error": self.error, "error_description": self.description, "scope": self.scope}
            members = ", ".join(f'{name}="{value}"' for name, value in parameters.items() if value)
            headers["WWW-Authenticate"] = f"Bearer {members}".rstrip()
        return headers

    @property
    def body(self) -> bytes:
        body = {"error": self.error or "invalid_request", "error_description": self.description or "No access token."}
        return json.dumps(body).encode()


async def verify_request(
    verifier: TokenVerifier, authorization: Sequence[str], *, scopes: Iterable[str] = ()
) -> AccessToken:
    """Return the verified access token of a request.

    Args:
        authorization: the values of all Authorization headers. Tokens in the query or the body are not accepted
            (RFC 6750 2.2 and 2.3 are optional and put tokens into logs).

    Raises:
        Refused: with the response to send.
    """
    scopes = tuple(scopes)
    try:
        return await verifier.verify(_token(authorization, scopes), scopes=scopes)
    except LatchkeyError as error:
        raise Refused(refusal_of(error)) from None


def refusal_of(error: LatchkeyError) -> Refusal:
    """Return the response for an error of `TokenVerifier.verify` or `AccessToken.require`; raise other errors again."""
    match error:
        case TokenRefused():
            return Refusal(401, "invalid_token", str(error))
        case InsufficientScope():
            return Refusal(403, "insufficient_scope", str(error), scope=" ".join(error.scopes))
        case VerifierUnavailable():
            return Refusal(503, "temporarily_unavailable", str(error), retry_after=error.retry_after)
        case _:
            raise error


def _token(authorization: Sequence[str], scopes: Iterable[str]) -> str:
    if len(authorization) > 1:
        raise Refused(Refusal(400, "invalid_request", "The request has more than one Authorization header."))
    scheme, _, token = authorization[0].partition(" ") if authorization else ("", "", "")
    if scheme.lower() != _SCHEME:
        raise Refused(Refusal(401, scope=" ".join(sorted(scopes))))
    token = token.strip(" ")
    if not token or " " in token:
        raise Refused(Refusal(400, "invalid_request", "The Authorization header is malformed."))
    return token

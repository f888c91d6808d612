"""The Bearer scheme at a resource server, for any framework (RFC 6750)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from latchkey_sdk.errors import InsufficientScope, LatchkeyError, TokenRefused, VerifierUnavailable
from latchkey_sdk.verifier.access_token import AccessToken
from latchkey_sdk.verifier.token_verifier import TokenVerifier

_SCHEME: Final = "bearer"


class Refused(Exception):
    """The request is answered with this instead."""

    def __init__(self, answer: "Refusal") -> None:
        super().__init__(answer.error or "no token")
        self.answer: Final = answer


@dataclass(frozen=True)
class Refusal:
    """A complete HTTP answer."""

    status: int
    error: str = ""
    """Empty: the request had no token, and so gets no error code (RFC 6750 3.1)."""
    description: str = ""
    scope: str = ""
    retry_after: int | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        else:
            said = {"error": self.error, "error_description": self.description, "scope": self.scope}
            members = ", ".join(f'{name}="{value}"' for name, value in said.items() if value)
            headers["WWW-Authenticate"] = f"Bearer {members}".rstrip()
        return headers

    @property
    def body(self) -> bytes:
        said = {"error": self.error or "invalid_request", "error_description": self.description or "No access token."}
        return json.dumps(said).encode()


async def verify_request(
    verifier: TokenVerifier, authorization: Sequence[str], *, scopes: Iterable[str] = ()
) -> AccessToken:
    """The access token of a request, verified.

    Args:
        authorization: the values of all its Authorization headers. Nothing else is looked at: not the query, not the
            body (RFC 6750 2.2, 2.3 are optional, and put tokens into logs).

    Raises:
        Refused: with the answer to give.
    """
    scopes = tuple(scopes)
    try:
        return await verifier.verify(_token(authorization, scopes), scopes=scopes)
    except LatchkeyError as error:
        raise Refused(refusal_of(error)) from None


def refusal_of(error: LatchkeyError) -> Refusal:
    """The answer to what `TokenVerifier.verify` or `AccessToken.require` raised; other errors are raised again."""
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
        raise Refused(Refusal(400, "invalid_request", "There is more than one Authorization header."))
    scheme, _, token = authorization[0].partition(" ") if authorization else ("", "", "")
    if scheme.lower() != _SCHEME:
        raise Refused(Refusal(401, scope=" ".join(sorted(scopes))))
    token = token.strip(" ")
    if not token or " " in token:
        raise Refused(Refusal(400, "invalid_request", "The Authorization header is malformed."))
    return token

"""OAuth errors: every error that a service returns to a client, a page or another service.

    OAuthError
     +- InvalidRequest, InvalidScope, AccessDenied, ...   authorization endpoint (RFC 6749 4.1.2.1, OIDC Core 3.1.2.6)
     +- InvalidClient, InvalidGrant, ...                  token endpoint (RFC 6749 5.2)
     +- InvalidToken, InsufficientScope                   protected resources (RFC 6750 3.1)
     +- InvalidClientMetadata, InvalidRedirectUri         client registration (RFC 7591 3.2.2)

Raised by the domain and the use cases. libs/servicekit/grpc/errors.py carries them between services; one module per
edge renders them.
"""

from collections.abc import Iterable
from typing import ClassVar

from libs.oauth.reasons import Reason

MAX_NAMED_VALUES = 5
MAX_NAMED_VALUE_LENGTH = 100
_PERMITTED = frozenset(chr(code) for code in range(0x20, 0x7F)) - {'"', "\\"}
_VALUE_CHARACTERS = _PERMITTED - {" "}


class OAuthError(Exception):
    """An error response as the standards define it.

    Args:
        description: the error_description for the client: RFC 6749 characters (ASCII without quotes and backslashes),
            no secret, and no request value except those values of scope and resource that
            `name_values` admits (RFC 6749 5.2).
        reason: for logs, metrics and other services; the default is the reason with the name of the error code.
        redirectable: whether the error may be sent to the redirect URI of the request. False until that URI is known
            to belong to the client.
        retry_after: seconds after which the client may retry.
    """

    error: ClassVar[str]
    default_description: ClassVar[str] = ""

    def __init__(
        self,
        description: str | None = None,
        *,
        reason: Reason | None = None,
        redirectable: bool = True,
        retry_after: int | None = None,
    ) -> None:
        self.description = permitted(self.default_description if description is None else description)
        self.reason = reason or Reason(self.error.upper())
        self.redirectable = redirectable
        self.retry_after = retry_after
        super().__init__(f"{self.error} [{self.reason}] {self.description}")


def permitted(text: str) -> str:
    """Return the text with a question mark for each character that RFC 6749 excludes from error_description."""
    return "".join(character if character in _PERMITTED else "?" for character in text)


def name_values(text: str, values: Iterable[str]) -> str:
    """Return an error description that names refused values of scope or resource, as far as they are safe to repeat.

    Named are the first MAX_NAMED_VALUES values that are scope tokens (RFC 6749 3.3; every absolute URI is one as well)
    of at most MAX_NAMED_VALUE_LENGTH characters. Other values are left out.

    Args:
        text: the description without its final full stop.
    """
    safe = [
        value for value in values if 0 < len(value) <= MAX_NAMED_VALUE_LENGTH and _VALUE_CHARACTERS.issuperset(value)
    ]
    return f"{text}: {' '.join(safe[:MAX_NAMED_VALUES])}" if safe else f"{text}."


class InvalidRequest(OAuthError):
    error = "invalid_request"
    default_description = "The request is invalid: a parameter is missing, repeated or malformed."


class InvalidClient(OAuthError):
    error = "invalid_client"
    default_description = "Client authentication failed."


class InvalidGrant(OAuthError):
    error = "invalid_grant"
    default_description = "The grant is invalid, expired, revoked, already used, or was issued to another client."


class UnauthorizedClient(OAuthError):
    error = "unauthorized_client"
    default_description = "The client is not authorized to make this request."


class UnsupportedGrantType(OAuthError):
    error = "unsupported_grant_type"
    default_description = "The grant type is not supported."


class UnsupportedResponseType(OAuthError):
    error = "unsupported_response_type"
    default_description = "The response type is not supported."


class InvalidScope(OAuthError):
    error = "invalid_scope"
    default_description = "The scope is malformed, unknown or exceeds the scope that the client may request."


class InvalidTarget(OAuthError):
    """RFC 8707 2."""

    error = "invalid_target"
    default_description = "The resource is unknown, malformed or not permitted for this client."


class AccessDenied(OAuthError):
    error = "access_denied"
    default_description = "The end-user or the authorization server denied the request."


class ServerError(OAuthError):
    error = "server_error"
    default_description = "The authorization server encountered an internal error."


class TemporarilyUnavailable(OAuthError):
    error = "temporarily_unavailable"
    default_description = "The server is temporarily unable to handle the request. Retry later."


class LoginRequired(OAuthError):
    error = "login_required"
    default_description = "End-user authentication is required."


class ConsentRequired(OAuthError):
    error = "consent_required"
    default_description = "End-user consent is required."


class InteractionRequired(OAuthError):
    error = "interaction_required"
    default_description = "End-user interaction is required."


class AccountSelectionRequired(OAuthError):
    error = "account_selection_required"
    default_description = "The end-user must select an account."


class InvalidRequestUri(OAuthError):
    """OpenID Connect Core 3.1.2.6, RFC 9101 6.2."""

    error = "invalid_request_uri"
    default_description = "The request_uri is unknown, expired or already used."


class InvalidRequestObject(OAuthError):
    """OpenID Connect Core 3.1.2.6, RFC 9101 6.1."""

    error = "invalid_request_object"
    default_description = "The request object is malformed, not signed by this client, or issued for another server."


class RegistrationNotSupported(OAuthError):
    error = "registration_not_supported"
    default_description = "The registration parameter is not supported (OpenID Connect Core 7.2.1)."


class AuthorizationPending(OAuthError):
    """RFC 8628 3.5."""

    error = "authorization_pending"
    default_description = "The end-user has not completed the authorization yet."


class SlowDown(OAuthError):
    """RFC 8628 3.5."""

    error = "slow_down"
    default_description = "Polling too often: increase the interval by 5 seconds (RFC 8628 3.5)."


class ExpiredToken(OAuthError):
    """RFC 8628 3.5."""

    error = "expired_token"
    default_description = "The device code has expired."


class InvalidToken(OAuthError):
    error = "invalid_token"
    default_description = "The access token is malformed, expired, revoked or issued for another resource."


class InsufficientScope(OAuthError):
    error = "insufficient_scope"
    default_description = "The access token lacks a scope that this request requires."


class InvalidDpopProof(OAuthError):
    """RFC 9449 5, 7.1."""

    error = "invalid_dpop_proof"
    default_description = "The DPoP proof is missing, malformed, too old, or made for another request."


class UseDpopNonce(OAuthError):
    """RFC 9449 8, 9. `nonce`: the value of the DPoP-Nonce header of the response."""

    error = "use_dpop_nonce"
    default_description = "The DPoP proof must contain the nonce of the DPoP-Nonce header (RFC 9449 8)."

    def __init__(
        self,
        description: str | None = None,
        *,
        reason: Reason | None = None,
        redirectable: bool = True,
        retry_after: int | None = None,
        nonce: str = "",
    ) -> None:
        super().__init__(description, reason=reason, redirectable=redirectable, retry_after=retry_after)
        self.nonce = nonce


class InvalidClientMetadata(OAuthError):
    error = "invalid_client_metadata"
    default_description = "A client metadata value is invalid."


class InvalidRedirectUri(OAuthError):
    error = "invalid_redirect_uri"
    default_description = "A redirect URI is invalid."


def _family(cls: type[OAuthError]) -> dict[str, type[OAuthError]]:
    members = {cls.error: cls} if hasattr(cls, "error") else {}
    for child in cls.__subclasses__():
        members |= _family(child)
    return members


BY_CODE: dict[str, type[OAuthError]] = _family(OAuthError)
"""All error classes by error code."""

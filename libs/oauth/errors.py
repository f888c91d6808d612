"""The one family of errors: every refusal that a client, a page or another service may see.

    OAuthError
     +- InvalidRequest, InvalidScope, AccessDenied, ...   authorization endpoint (RFC 6749 4.1.2.1, OIDC Core 3.1.2.6)
     +- InvalidClient, InvalidGrant, ...                  token endpoint (RFC 6749 5.2)
     +- InvalidToken, InsufficientScope                   protected resources (RFC 6750 3.1)
     +- InvalidClientMetadata, InvalidRedirectUri         client registration (RFC 7591 3.2.2)

Raised by the domain and the use cases. One module carries them between services (libs/servicekit/grpc/errors.py), and
one module per edge renders them.
"""

from typing import ClassVar

from libs.oauth.reasons import Reason

_PERMITTED = frozenset(chr(code) for code in range(0x20, 0x7F)) - {'"', "\\"}


class OAuthError(Exception):
    """A refusal in the words of the standards.

    Args:
        description: for the client: RFC 6749 characters (ASCII without quotes and backslashes), no secret, no request
            value.
        reason: for logs, metrics and other services; by default the one with the name of the error code.
        redirectable: may it be sent to the request's redirect URI? False until that is known to be the client's.
        retry_after: seconds after which a retry makes sense.
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
    """The text with every character outside RFC 6749's set for error_description replaced by a question mark."""
    return "".join(character if character in _PERMITTED else "?" for character in text)


class InvalidRequest(OAuthError):
    error = "invalid_request"
    default_description = "The request is malformed."


class InvalidClient(OAuthError):
    error = "invalid_client"
    default_description = "Client authentication failed."


class InvalidGrant(OAuthError):
    error = "invalid_grant"
    default_description = "The grant is invalid, expired, revoked, already used, or was issued to another client."


class UnauthorizedClient(OAuthError):
    error = "unauthorized_client"
    default_description = "The client is not registered for this."


class UnsupportedGrantType(OAuthError):
    error = "unsupported_grant_type"
    default_description = "The grant type is not supported."


class UnsupportedResponseType(OAuthError):
    error = "unsupported_response_type"
    default_description = "The response type is not supported."


class InvalidScope(OAuthError):
    error = "invalid_scope"
    default_description = "The scope is unknown, malformed or more than the client may ask for."


class InvalidTarget(OAuthError):
    """RFC 8707 2."""

    error = "invalid_target"
    default_description = "The resource is unknown or not permitted."


class AccessDenied(OAuthError):
    error = "access_denied"
    default_description = "The request was denied."


class ServerError(OAuthError):
    error = "server_error"
    default_description = "Something went wrong on our side."


class TemporarilyUnavailable(OAuthError):
    error = "temporarily_unavailable"
    default_description = "The service is busy. Please try again."


class LoginRequired(OAuthError):
    error = "login_required"
    default_description = "The person has to sign in."


class ConsentRequired(OAuthError):
    error = "consent_required"
    default_description = "The person has to consent."


class InteractionRequired(OAuthError):
    error = "interaction_required"
    default_description = "The person has to do something first."


class AccountSelectionRequired(OAuthError):
    error = "account_selection_required"
    default_description = "The person has to choose an account."


class InvalidRequestUri(OAuthError):
    """OpenID Connect Core 3.1.2.6, RFC 9101 6.2."""

    error = "invalid_request_uri"
    default_description = "The request_uri is unknown, has expired, or was used before."


class InvalidRequestObject(OAuthError):
    """OpenID Connect Core 3.1.2.6, RFC 9101 6.1."""

    error = "invalid_request_object"
    default_description = "The request object is malformed, not signed by the client, or not meant for this server."


class RegistrationNotSupported(OAuthError):
    error = "registration_not_supported"
    default_description = "The registration parameter is not supported."


class AuthorizationPending(OAuthError):
    """RFC 8628 3.5."""

    error = "authorization_pending"
    default_description = "The person has not decided yet."


class SlowDown(OAuthError):
    """RFC 8628 3.5."""

    error = "slow_down"
    default_description = "Polling too often: wait five seconds longer between polls."


class ExpiredToken(OAuthError):
    """RFC 8628 3.5."""

    error = "expired_token"
    default_description = "The device code has expired."


class InvalidToken(OAuthError):
    error = "invalid_token"
    default_description = "The access token is malformed, expired, revoked or not meant for this."


class InsufficientScope(OAuthError):
    error = "insufficient_scope"
    default_description = "The access token does not carry the scope that this needs."


class InvalidClientMetadata(OAuthError):
    error = "invalid_client_metadata"
    default_description = "A client metadata value does not hold."


class InvalidRedirectUri(OAuthError):
    error = "invalid_redirect_uri"
    default_description = "A redirect URI does not hold."


def _family(cls: type[OAuthError]) -> dict[str, type[OAuthError]]:
    members = {cls.error: cls} if hasattr(cls, "error") else {}
    for child in cls.__subclasses__():
        members |= _family(child)
    return members


BY_CODE: dict[str, type[OAuthError]] = _family(OAuthError)
"""The closed set: error code -> class."""

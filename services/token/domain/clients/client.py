"""Clients: authentication, redirect URIs, grant types and scopes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from libs.crypto.hashing import hashes_equal, keyed_hash
from libs.oauth.client_authentication import BASIC, POST, Credentials
from libs.oauth.client_metadata import CONSENT_SKIP, ClientMetadata
from libs.oauth.errors import InvalidClient, InvalidRequest, InvalidScope, UnauthorizedClient, name_values
from libs.oauth.reasons import Reason
from libs.oauth.redirect_uris import MAX_LENGTH, is_private, is_registered
from libs.oauth.scopes import OFFLINE_ACCESS, OPENID
from services.token.domain.clients.registrations import Registration


@dataclass(frozen=True)
class ClientSecret:
    """One live secret of a client. `expires_at` is set while its successor takes over."""

    digest: bytes = field(repr=False)
    expires_at: datetime | None = None
    sealed: bytes = field(default=b"", repr=False)
    """The secret itself, encrypted, for a client that signs with it: a digest verifies no signature."""

    def live(self, now: datetime) -> bool:
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True)
class Client:
    client_id: str
    metadata: ClientMetadata
    secrets: Sequence[ClientSecret]
    created_at: datetime
    updated_at: datetime
    registration: Registration | None = None
    """Of a client that registered itself; None when an operator did."""

    def authenticate(self, credentials: Credentials, *, peppers: Sequence[bytes], now: datetime) -> None:
        """Verify the authentication method and the client secret, if the method uses one (RFC 6749 2.3).

        Raises:
            InvalidClient: the method is not the registered one, or the secret is not valid.
        """
        if credentials.method not in self.metadata.auth_methods:
            raise self._wrong_method(credentials, peppers=peppers, now=now)
        if credentials.method not in {BASIC, POST}:
            return  # public clients do not authenticate; assertions are verified by AuthenticateClient
        if not self.knows_secret(credentials.secret, peppers=peppers, now=now):
            raise InvalidClient(reason=Reason.CLIENT_SECRET_WRONG)

    def _wrong_method(self, credentials: Credentials, *, peppers: Sequence[bytes], now: datetime) -> InvalidClient:
        """The error names the methods only to a caller that knows the secret."""
        description = None
        if credentials.method in {BASIC, POST} and self.knows_secret(credentials.secret, peppers=peppers, now=now):
            description = (
                f"The client secret was sent by {credentials.method}, but token_endpoint_auth_method "
                f"{self.metadata.token_endpoint_auth_method} is registered for this client."
            )
        return InvalidClient(description, reason=Reason.CLIENT_AUTH_METHOD)

    def knows_secret(self, presented: str, *, peppers: Sequence[bytes], now: datetime) -> bool:
        """Return whether it is a valid secret of the client, hashed with any of the peppers."""
        digests = [keyed_hash(pepper, presented) for pepper in peppers]
        # Every secret is compared, so that the time taken does not tell which one it was.
        matches = [
            hashes_equal(secret.digest, digest) and secret.live(now) for secret in self.secrets for digest in digests
        ]
        return any(matches)

    def has_redirect_uri(self, uri: str) -> bool:
        return self._is_registered(uri, self.metadata.redirect_uris)

    def has_post_logout_redirect_uri(self, uri: str) -> bool:
        return self._is_registered(uri, self.metadata.post_logout_redirect_uris)

    def _is_registered(self, uri: str, registered: Sequence[str]) -> bool:
        # The port that a native app chooses may have any number of leading zeros: only this bounds what is stored.
        return len(uri) <= MAX_LENGTH and is_registered(
            uri, registered, localhost=self.metadata.application_type == "native"
        )

    def can_be_impersonated(self, redirect_uri: str) -> bool:
        """Return whether another application could impersonate this client (RFC 6749 10.2, RFC 8252 8.6).

        Another app on the user's device can receive the response of a private redirect URI; a dynamically registered
        public client can have any name. An operator who sets `consent` to skip accepts that for this client, for
        example to renew tokens silently during development.
        """
        if not self.metadata.is_public:
            return False
        if self.registration is not None:
            return True
        return is_private(redirect_uri) and self.metadata.consent != CONSENT_SKIP

    def require_grant(self, grant_type: str) -> None:
        """Raises UnauthorizedClient when the client is not registered for the grant type."""
        if grant_type not in self.metadata.grant_types:
            raise UnauthorizedClient(
                "grant_type is not registered for this client.", reason=Reason.GRANT_NOT_REGISTERED
            )

    def permitted_scope(self, requested: tuple[str, ...]) -> tuple[str, ...]:
        """Return the requested scope, or the smallest one when the request has none (RFC 6749 3.3).

        The smallest scope is openid, which releases no claim but `sub`. A client without openid gets its only
        registered scope value; with several of them it has to name what it needs.

        Raises:
            InvalidScope: a value that the client has not registered, or no value and no smallest scope.
        """
        _require_registered(requested, self.metadata.scopes)
        return requested or self._smallest_scope()

    def _smallest_scope(self) -> tuple[str, ...]:
        registered = self.metadata.scopes
        if OPENID in registered:
            return (OPENID,)
        own = tuple(scope for scope in registered if scope not in _PERSONAL)
        if len(own) == 1:
            return own
        raise InvalidScope(
            name_values("scope is missing. Registered for this client", registered), reason=Reason.SCOPE_MISSING
        )

    def own_scope(self, requested: tuple[str, ...]) -> tuple[str, ...]:
        """Return the scope of a client credentials request (RFC 6749 4.4): the registered scope without user scopes.

        Raises:
            InvalidScope: it asks for more.
        """
        own = tuple(s for s in self.metadata.scope.split() if s not in _PERSONAL)
        _require_registered(requested, own)
        return requested or own


def _require_registered(requested: Sequence[str], registered: Sequence[str]) -> None:
    missing = [scope for scope in requested if scope not in registered]
    if missing:
        raise InvalidScope(
            name_values("scope contains values that are not registered for this client", missing),
            reason=Reason.SCOPE_NOT_REGISTERED,
        )


_PERSONAL = frozenset({OPENID, OFFLINE_ACCESS, "profile", "email", "address", "phone"})


def require_client(client: Client | None) -> Client:
    """The client. Raises InvalidRequest (CLIENT_UNKNOWN) when there is none."""
    if client is None:
        raise unknown_client()
    return client


def unknown_client() -> InvalidRequest:
    return InvalidRequest("client_id is unknown.", reason=Reason.CLIENT_UNKNOWN, redirectable=False)

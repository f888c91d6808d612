"""Grants: what a user allowed a client in one sign-in. Codes and tokens belong to a grant."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from libs.crypto.random import uuid7
from libs.oauth.claims_request import SID, ClaimsRequest
from libs.oauth.errors import InvalidGrant
from libs.oauth.pkce import verifier_matches
from libs.oauth.reasons import Reason
from services.token.domain.clients.client import Client
from services.token.domain.sessions.session import AuthenticatedSession

CODE_LIFETIME = timedelta(seconds=60)
NO_CLAIMS = ClaimsRequest()


@dataclass(frozen=True, kw_only=True)
class Grant:
    """`offline`: it outlives the session in which it was given (OpenID Connect Core 11)."""

    grant_id: str
    client_id: str
    user_id: str
    session_id: str
    scopes: tuple[str, ...]
    resources: tuple[str, ...] = ()
    """What its access tokens are for (RFC 8707); none: this server's own APIs."""
    offline: bool
    userinfo_claims: tuple[str, ...] = ()
    """Asked for by name, beside those of the scopes (OpenID Connect Core 5.5)."""
    id_token_claims: tuple[str, ...] = ()
    authenticated_at: datetime
    acr: str
    amr: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None = None

    @classmethod
    def of_session(
        cls,
        session: AuthenticatedSession,
        *,
        client_id: str,
        scopes: tuple[str, ...],
        resources: tuple[str, ...],
        offline: bool,
        now: datetime,
        acr: str | None = None,
        claims: ClaimsRequest = NO_CLAIMS,
    ) -> "Grant":
        """Return a new grant of the user of a session. `acr`: replaces the class of the session."""
        return cls(
            grant_id=uuid7(now),
            client_id=client_id,
            user_id=session.user_id,
            session_id=session.session_id,
            scopes=scopes,
            resources=resources,
            offline=offline,
            userinfo_claims=claims.userinfo,
            id_token_claims=claims.id_token,
            authenticated_at=session.authenticated_at,
            acr=session.acr if acr is None else acr,
            amr=session.amr,
            created_at=now,
        )

    def shows_session(self, client: Client) -> bool:
        """Return whether ID tokens contain `sid`: the client uses it at logout, or has requested it by name."""
        return client.metadata.uses_session_id or SID in self.id_token_claims

    def require_live(self) -> None:
        """Raises InvalidGrant when it was revoked."""
        if self.revoked_at is not None:
            raise InvalidGrant("The grant was revoked.", reason=Reason.GRANT_REVOKED)


@dataclass(frozen=True, kw_only=True)
class CodeClaim:
    """What a token request says about the code it brings (RFC 6749 4.1.3, RFC 7636 4.5)."""

    code_hash: bytes = field(repr=False)
    client_id: str
    redirect_uri: str | None
    verifier: str | None = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class AuthorizationCode:
    code_hash: bytes = field(repr=False)
    client_id: str
    redirect_uri: str
    redirect_uri_given: bool
    """Did the authorization request name the redirect URI? Then the token request without PKCE has to as well."""
    code_challenge: str | None = field(repr=False)
    nonce: str | None
    dpop_jkt: str | None = None
    """Thumbprint of the DPoP key that the token request must prove (RFC 9449 10)."""
    correlation_id: str
    expires_at: datetime
    consumed_at: datetime | None = None
    grant: Grant

    def judge(self, claim: CodeClaim, *, now: datetime) -> None:
        """Verify that the token request may redeem this code; does not check whether the code was redeemed before.

        Raises:
            InvalidGrant: expired, another client's, another redirect URI, or the verifier does not fit.
        """
        if claim.client_id != self.client_id:
            raise InvalidGrant(reason=Reason.CODE_OF_ANOTHER_CLIENT)
        if now >= self.expires_at and self.consumed_at is None:  # a redeemed code is a replay, however late
            raise InvalidGrant("The code has expired.", reason=Reason.CODE_EXPIRED)
        if claim.redirect_uri is None and self.redirect_uri_given and self.code_challenge is None:
            raise InvalidGrant(
                "redirect_uri is missing: it must be that of the authorization request (RFC 6749 4.1.3).",
                reason=Reason.REDIRECT_URI_MISMATCH,
            )
        if claim.redirect_uri not in {None, self.redirect_uri}:
            raise InvalidGrant(
                "redirect_uri is not that of the authorization request (RFC 6749 4.1.3).",
                reason=Reason.REDIRECT_URI_MISMATCH,
            )
        if (claim.verifier is None) != (self.code_challenge is None):
            # A verifier without a challenge indicates a PKCE downgrade attack (RFC 9700 4.8.2).
            raise InvalidGrant(
                "code_verifier is missing."
                if claim.verifier is None
                else "code_verifier was sent for a code that was requested without code_challenge (RFC 9700 4.8.2).",
                reason=Reason.PKCE_DOWNGRADE,
            )
        if claim.verifier is not None and not verifier_matches(claim.verifier, self.code_challenge or ""):
            raise InvalidGrant(
                "code_verifier does not match code_challenge (RFC 7636 4.6).", reason=Reason.PKCE_MISMATCH
            )

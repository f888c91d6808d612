"""An authorization request is granted: code, access token and ID token, as its response type says.

OAuth 2.0 Multiple Response Type Encoding Practices; OpenID Connect Core 3.1.2.5, 3.2.2.5 and 3.3.2.5.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from libs.crypto.hashing import secret_hash
from libs.crypto.random import new_secret
from libs.oauth import acr
from libs.oauth.attributes import Attributes
from libs.oauth.client_metadata import IMPLICIT
from libs.oauth.response_types import ID_TOKEN, TOKEN
from libs.oauth.scopes import OFFLINE_ACCESS, OPENID, format_scope
from services.token import events
from services.token.domain.authorization.authorization_request import AuthorizationRequest
from services.token.domain.authorization.pending_requests import PendingRequest
from services.token.domain.clients.client import Client, unknown_client
from services.token.domain.sessions.logout import SESSION_CLIENT_LIFETIME
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.domain.tokens.audiences import Audiences
from services.token.domain.tokens.grants import CODE_LIFETIME, AuthorizationCode, Grant
from services.token.domain.tokens.released_claims import ReleasedClaims
from services.token.domain.tokens.token_claims import AccessToken, Lifetimes
from services.token.domain.tokens.token_hook import TokenHookRequest
from services.token.ports.work import Writer
from services.token.usecases.tokens.mint_tokens import MintTokens


def front_channel_claims(request: AuthorizationRequest, client: Client, attributes: Attributes) -> ReleasedClaims:
    """Return the names of the user claims for tokens from the authorization endpoint.

    An ID token has what was requested by name, and what the scope stands for when there will be no access token to ask
    with (OpenID Connect Core 5.4).
    """
    metadata, wanted = client.metadata, request.response_type
    if wanted == ID_TOKEN:
        metadata = replace(metadata, claims_in_id_token=True)
    released = ReleasedClaims.of(
        metadata, scopes=request.scopes, requested=request.claims.id_token, attributes=attributes
    )
    return ReleasedClaims(
        id_token=released.id_token if wanted >= ID_TOKEN else (),
        access_token=released.access_token if wanted >= TOKEN else (),
    )


class GrantAuthorization:
    def __init__(self, mint: MintTokens, *, audiences: Audiences, lifetimes: Lifetimes) -> None:
        self._mint = mint
        self._audiences = audiences
        self._lifetimes = lifetimes
        longest = max(CODE_LIFETIME + lifetimes.access_token, lifetimes.front_channel_token)
        self._grant_lifetime = longest + timedelta(minutes=1)

    async def __call__(
        self,
        work: Writer,
        pending: PendingRequest,
        request: AuthorizationRequest,
        client: Client,
        *,
        session: AuthenticatedSession,
        released: ReleasedClaims,
        user_claims: Mapping[str, Any],
        hook_claims: Mapping[str, Any],
        now: datetime,
    ) -> dict[str, str]:
        """Return the response parameters. `user_claims`: values of the claims in `released`."""
        grant = _grant(request, client, session, now=now)
        await self._record_use(work, client, now=now)
        await work.grants.add(grant, expires_at=now + self._grant_lifetime)
        if client.metadata.has_logout_uri and OPENID in request.scopes:
            await work.session_clients.remember(
                session.session_id, client.client_id, expires_at=now + SESSION_CLIENT_LIFETIME
            )
        parameters: dict[str, str] = {}
        code, token = None, None
        if request.wants_code:
            code = parameters["code"] = await self._code(work, pending, request, grant, now=now)
        if request.response_type >= TOKEN:
            claims = {**released.for_access_token(user_claims), **hook_claims}
            token = await self._access_token(work, pending, request, client, grant, hook_claims=claims, now=now)
            parameters |= _token_parameters(token, request)
        if request.response_type >= ID_TOKEN:
            parameters["id_token"] = await self._mint.id_token(
                client,
                grant=grant,
                nonce=request.nonce,
                access_token=token.text if token else None,
                code=code,
                user_claims=released.for_id_token(user_claims),
                now=now,
            )
        return parameters

    def hook_request(
        self, request: AuthorizationRequest, client: Client, session: AuthenticatedSession, *, now: datetime
    ) -> TokenHookRequest:
        """What the hook is asked about an access token from the authorization endpoint."""
        audience = self._audiences.of_grant(request.resources, client, userinfo_claims=request.claims.userinfo)
        return TokenHookRequest(IMPLICIT, client, audience, request.scopes, _grant(request, client, session, now=now))

    async def _record_use(self, work: Writer, client: Client, *, now: datetime) -> None:
        """Prolong the registration of a dynamically registered client after a sign-in.

        Raises:
            InvalidRequest: not redirectable; the client was removed concurrently as unused.
        """
        lifetime = self._lifetimes.registration
        if client.registration is None or not client.registration.is_due(lifetime=lifetime, now=now):
            return
        if not await work.clients.prolong_registration(client.client_id, until=now + lifetime):
            raise unknown_client()

    async def _code(
        self, work: Writer, pending: PendingRequest, request: AuthorizationRequest, grant: Grant, *, now: datetime
    ) -> str:
        """256 random bits, of which only the hash stays."""
        code = new_secret()
        await work.codes.add(
            AuthorizationCode(
                code_hash=secret_hash(code),
                client_id=grant.client_id,
                redirect_uri=request.redirect_uri,
                redirect_uri_given="redirect_uri" in request.parameters,
                code_challenge=request.code_challenge,
                nonce=request.nonce,
                dpop_jkt=request.dpop_jkt,
                correlation_id=pending.correlation_id,
                expires_at=now + CODE_LIFETIME,
                grant=grant,
            )
        )
        return code

    async def _access_token(
        self,
        work: Writer,
        pending: PendingRequest,
        request: AuthorizationRequest,
        client: Client,
        grant: Grant,
        *,
        hook_claims: Mapping[str, Any],
        now: datetime,
    ) -> AccessToken:
        """Shorter-lived than one from the token endpoint: it passed through a browser."""
        token = await self._mint.access_token(
            client,
            audience=self._audiences.of_grant(request.resources, client, userinfo_claims=request.claims.userinfo),
            scopes=request.scopes,
            grant=grant,
            now=now,
            lifetime=self._lifetimes.front_channel_token,
            hook_claims=hook_claims,
        )
        work.emit(
            events.token_issued(
                client_id=client.client_id,
                grant_type=IMPLICIT,
                scopes=token.scopes,
                token_id=token.token_id,
                grant=grant,
                correlation_id=pending.correlation_id,
            )
        )
        return token


def _grant(request: AuthorizationRequest, client: Client, session: AuthenticatedSession, *, now: datetime) -> Grant:
    return Grant.of_session(
        session,
        client_id=client.client_id,
        scopes=request.scopes,
        resources=request.resources,
        offline=request.wants_code and OFFLINE_ACCESS in request.scopes,
        acr=acr.claim_value(session.acr, request.claims.acr, at_least=client.metadata.required_acr),
        claims=request.claims,
        now=now,
    )


def _token_parameters(token: AccessToken, request: AuthorizationRequest) -> dict[str, str]:
    """RFC 6749 4.2.2: `scope` only when it is not what was asked for."""
    parameters = {"access_token": token.text, "token_type": "Bearer", "expires_in": str(token.expires_in)}
    if request.parameters.get("scope") != format_scope(token.scopes):
        parameters["scope"] = format_scope(token.scopes)
    return parameters

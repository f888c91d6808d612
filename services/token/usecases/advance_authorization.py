"""One look at an authorization request: ask the person for what is missing, or grant it."""

from dataclasses import replace
from datetime import datetime, timedelta

from libs.crypto.errors import InvalidJwt
from libs.crypto.hashing import secret_hash
from libs.crypto.jwt import verify_jwt
from libs.crypto.random import new_secret, uuid7
from libs.crypto.token_kinds import ID_TOKEN_HINT
from libs.oauth.errors import InvalidRequest
from libs.oauth.scopes import OFFLINE_ACCESS
from services.token import facts
from services.token.domain.authorization_request import (
    AuthorizationRequest,
    find_redirect_uri,
    find_response_mode,
    judge,
)
from services.token.domain.authorization_response import AskPerson, Next, ReplyAddress
from services.token.domain.clients import Client
from services.token.domain.grants import CODE_LIFETIME, AuthorizationCode, Grant
from services.token.domain.interaction import Progress, Step, next_step
from services.token.domain.pending_requests import PendingRequest, unknown_request
from services.token.domain.sessions import AuthenticatedSession
from services.token.ports import ClientDirectory, Keys, Work


class AdvanceAuthorization:
    """What a new, a resumed and a decided request have in common; runs inside the caller's transaction."""

    def __init__(self, *, issuer: str, clients: ClientDirectory, keys: Keys, access_token_lifetime: timedelta) -> None:
        self._issuer = issuer
        self._clients = clients
        self._keys = keys
        self._grant_lifetime = CODE_LIFETIME + access_token_lifetime + timedelta(minutes=1)

    async def client(self, client_id: str | None) -> Client:
        """Raises InvalidRequest, not redirectable, when there is no such client."""
        found = await self._clients.find(client_id) if client_id else None
        if found is None:
            raise InvalidRequest("client_id is missing or unknown.", reason="CLIENT_UNKNOWN", redirectable=False)
        return found

    def reply_address(self, pending: PendingRequest, client: Client) -> ReplyAddress:
        """Where the answer goes. Raises InvalidRequest, not redirectable, when that is not the client's."""
        return ReplyAddress(
            redirect_uri=find_redirect_uri(pending.parameters, client),
            mode=find_response_mode(pending.parameters),
            state=pending.parameters.get("state"),
            issuer=self._issuer,
        )

    async def __call__(
        self,
        work: Work,
        pending: PendingRequest,
        *,
        request_id: str | None,
        client: Client,
        session: AuthenticatedSession | None,
        now: datetime,
        allow: bool = False,
    ) -> Next:
        """The next thing that happens.

        Args:
            request_id: under which `pending` is stored; None when it is not stored (yet).
            allow: the person has just said yes; counts only if consent is what is missing.

        Raises:
            OAuthError: redirectable, unless the request was completed meanwhile.
        """
        reply = self.reply_address(pending, client)
        request = judge(AuthorizationRequest(parameters=pending.parameters, redirect_uri=reply.redirect_uri), client)
        step = await self._step(work, pending, request, client, session=session, now=now)
        if allow and step is Step.CONSENT and session is not None:
            pending = await self._record_consent(work, pending, request, session=session, now=now)
            step = await self._step(work, pending, request, client, session=session, now=now)
        if step is not Step.GRANT or session is None:
            return AskPerson(request_id or await self.store(work, pending), step)
        if request_id is not None and not await work.pending_requests.complete(pending.id_hash, now=now):
            raise unknown_request("REQUEST_COMPLETED")
        return reply.success(code=await self._grant(work, pending, request, session=session, now=now))

    async def _step(
        self,
        work: Work,
        pending: PendingRequest,
        request: AuthorizationRequest,
        client: Client,
        *,
        session: AuthenticatedSession | None,
        now: datetime,
    ) -> Step:
        remembered: frozenset[str] = frozenset()
        if session is not None:
            remembered = await work.consents.find(user_id=session.user_id, client_id=client.client_id)
        return next_step(
            request,
            client,
            session=session,
            hinted_user_id=self._hinted_user_id(request, now=now),
            remembered=remembered,
            progress=Progress(
                asked_at=pending.created_at,
                consented=session is not None and pending.consented_by == session.user_id,
            ),
            now=now,
        )

    def _hinted_user_id(self, request: AuthorizationRequest, *, now: datetime) -> str | None:
        hint = request.parameters.get("id_token_hint")
        if hint is None:
            return None
        try:
            claims = verify_jwt(
                hint, self._keys.verification, kind=ID_TOKEN_HINT, issuer=self._issuer, audience=None, now=now
            )
        except InvalidJwt:
            raise InvalidRequest("id_token_hint is not an ID token of this server.", reason="HINT_INVALID") from None
        return str(claims["sub"])

    async def _record_consent(
        self,
        work: Work,
        pending: PendingRequest,
        request: AuthorizationRequest,
        *,
        session: AuthenticatedSession,
        now: datetime,
    ) -> PendingRequest:
        await work.pending_requests.record_consent(pending.id_hash, user_id=session.user_id)
        await work.consents.remember(
            user_id=session.user_id, client_id=pending.client_id, scopes=request.scopes, now=now
        )
        work.emit(
            facts.consent_granted(
                user_id=session.user_id,
                client_id=pending.client_id,
                scopes=request.scopes,
                correlation_id=pending.correlation_id,
            )
        )
        return replace(pending, consented_by=session.user_id)

    async def store(self, work: Work, pending: PendingRequest) -> str:
        """Keeps the request; returns the id that the browser carries."""
        request_id = new_secret()
        await work.pending_requests.add(replace(pending, id_hash=secret_hash(request_id)))
        return request_id

    async def _grant(
        self,
        work: Work,
        pending: PendingRequest,
        request: AuthorizationRequest,
        *,
        session: AuthenticatedSession,
        now: datetime,
    ) -> str:
        """The code: 256 random bits, of which only the hash stays."""
        code = new_secret()
        grant = Grant(
            grant_id=uuid7(now),
            client_id=pending.client_id,
            user_id=session.user_id,
            session_id=session.session_id,
            scopes=request.scopes,
            offline=OFFLINE_ACCESS in request.scopes,
            authenticated_at=session.authenticated_at,
            acr=session.acr,
            amr=session.amr,
            created_at=now,
        )
        await work.grants.add(grant, expires_at=now + self._grant_lifetime)
        await work.codes.add(
            AuthorizationCode(
                code_hash=secret_hash(code),
                client_id=pending.client_id,
                redirect_uri=request.redirect_uri,
                redirect_uri_given="redirect_uri" in request.parameters,
                code_challenge=request.code_challenge,
                nonce=request.nonce,
                correlation_id=pending.correlation_id,
                expires_at=now + CODE_LIFETIME,
                grant=grant,
            )
        )
        return code

"""Advances an authorization request: an interaction with the end-user, or a grant."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from libs.crypto.errors import InvalidJwt
from libs.crypto.hashing import secret_hash
from libs.crypto.random import new_secret
from libs.oauth.attributes import NO_ATTRIBUTES, Attributes
from libs.oauth.errors import AccessDenied, InvalidRequest, OAuthError
from libs.oauth.reasons import Reason
from libs.oauth.response_types import TOKEN
from libs.oauth.scopes import OPENID
from libs.servicekit.base import logs
from services.token import events
from services.token.domain.authorization.authorization_request import (
    AuthorizationRequest,
    find_redirect_uri,
    find_response_mode,
    judge,
)
from services.token.domain.authorization.authorization_response import AskUser, Next, ReplyAddress, SendBack
from services.token.domain.authorization.interaction import Progress, Step, next_step
from services.token.domain.authorization.pending_requests import PendingRequest, unknown_request
from services.token.domain.authorization.pushed_requests import pushed_request_ended
from services.token.domain.clients.client import Client
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.domain.tokens.released_claims import ReleasedClaims
from services.token.domain.tokens.subjects import Subjects
from services.token.ports.clients import ClientDirectory
from services.token.ports.tokens import Accounts, Keys, TokenHook
from services.token.ports.work import Writer
from services.token.usecases.authorization.grant_authorization import GrantAuthorization, front_channel_claims
from services.token.usecases.tokens.verify_id_token_hint import verify_id_token_hint

_log = logs.get(__name__)


@dataclass(frozen=True)
class PreparedRequest:
    """A valid request. `user_allowed`: the user matches the hint. `user_claims`: the values of the released claims, for
    tokens from the authorization endpoint.
    """

    client: Client
    request: AuthorizationRequest
    user_allowed: bool
    released: ReleasedClaims
    user_claims: Mapping[str, Any]
    hook_claims: Mapping[str, Any] = field(default_factory=dict)
    """Claims of the hook's for an access token from the authorization endpoint."""


@dataclass(frozen=True, kw_only=True)
class AdvanceAuthorization:
    """What a new, a resumed and a decided request have in common; runs inside the caller's transaction."""

    grant: GrantAuthorization
    issuer: str
    clients: ClientDirectory
    accounts: Accounts
    keys: Keys
    subjects: Subjects
    hook: TokenHook
    attributes: Attributes = NO_ATTRIBUTES

    async def client(self, client_id: str | None) -> Client:
        """Raises InvalidRequest, not redirectable, when there is no such client."""
        found = await self.clients.find(client_id) if client_id else None
        if found is None:
            raise InvalidRequest("client_id is missing or unknown.", reason=Reason.CLIENT_UNKNOWN, redirectable=False)
        return found

    def reply_address(self, pending: PendingRequest, client: Client) -> ReplyAddress:
        """Where the answer goes. Raises InvalidRequest, not redirectable, when that is not the client's."""
        redirect_uri = find_redirect_uri(pending.parameters, client)
        return ReplyAddress(
            redirect_uri=redirect_uri,
            mode=find_response_mode(pending.parameters, redirect_uri),
            state=pending.parameters.get("state"),
            issuer=self.issuer,
            session_state_client_id=client.client_id if OPENID in pending.parameters.get("scope", "").split() else "",
        )

    def refuse(self, pending: PendingRequest, client: Client, refusal: OAuthError) -> SendBack:
        """The error response to the client. Raises InvalidRequest as reply_address does."""
        _log.info(
            "authorization.refused",
            message="Authorization request refused",
            client_id=client.client_id,
            error=refusal.error,
            reason=refusal.reason,
        )
        return self.reply_address(pending, client).refusal(refusal)

    async def prepare(
        self, pending: PendingRequest, client: Client, *, session: AuthenticatedSession | None, now: datetime
    ) -> PreparedRequest:
        """All that can be judged and asked before a transaction begins.

        Raises:
            OAuthError: redirectable.
        """
        redirect_uri = find_redirect_uri(pending.parameters, client)
        request = judge(AuthorizationRequest(parameters=pending.parameters, redirect_uri=redirect_uri), client)
        user_allowed = self._is_user_allowed(request, client, session, now=now)
        released = front_channel_claims(request, client, self.attributes)
        user_claims: Mapping[str, Any] = {}
        if session is not None and released.names:
            account = await self.accounts.find(
                user_id=session.user_id, session_id=session.session_id, claims=released.names
            )
            if account is None or not account.active:
                raise AccessDenied(reason=Reason.ACCOUNT_DISABLED)
            user_claims = account.claims
        hook_claims = await self._hook_claims(request, client, session, now=now)
        return PreparedRequest(client, request, user_allowed, released, user_claims, hook_claims)

    async def _hook_claims(
        self, request: AuthorizationRequest, client: Client, session: AuthenticatedSession | None, *, now: datetime
    ) -> Mapping[str, Any]:
        """What the hook adds to a token that may be given out now. Raises AccessDenied."""
        if session is None or not request.response_type >= TOKEN:
            return {}
        return await self.hook(self.grant.hook_request(request, client, session, now=now))

    async def __call__(
        self,
        work: Writer,
        pending: PendingRequest,
        prepared: PreparedRequest,
        *,
        request_id: str | None,
        session: AuthenticatedSession | None,
        now: datetime,
        allow: bool = False,
    ) -> Next:
        """The next thing that happens.

        Args:
            request_id: under which `pending` is stored; None when it is not stored (yet).
            allow: the user has just consented; has an effect only if consent is the next step.

        Raises:
            OAuthError: redirectable, unless the request was completed meanwhile.
        """
        step = await self._step(work, pending, prepared, session=session, now=now)
        if allow and step is Step.CONSENT and session is not None:
            pending = await self._record_consent(work, pending, prepared.request, session=session, now=now)
            step = await self._step(work, pending, prepared, session=session, now=now)
        if step is not Step.GRANT or session is None:
            return AskUser(request_id or await self.store(work, pending), step)
        await self.end(work, pending, stored=request_id is not None, now=now)
        granted = await self.grant(
            work,
            pending,
            prepared.request,
            prepared.client,
            session=session,
            released=prepared.released,
            user_claims=prepared.user_claims,
            hook_claims=prepared.hook_claims,
            now=now,
        )
        return self.reply_address(pending, prepared.client).success(**granted)

    async def _step(
        self,
        work: Writer,
        pending: PendingRequest,
        prepared: PreparedRequest,
        *,
        session: AuthenticatedSession | None,
        now: datetime,
    ) -> Step:
        client = prepared.client
        remembered: frozenset[str] = frozenset()
        if session is not None:
            remembered = await work.consents.find(
                user_id=session.user_id, client_id=client.client_id, resources=prepared.request.resources
            )
        return next_step(
            prepared.request,
            client,
            session=session,
            user_allowed=prepared.user_allowed,
            remembered=remembered,
            progress=Progress(
                asked_at=pending.created_at,
                consented=session is not None and pending.consented_by == session.user_id,
            ),
            now=now,
        )

    def _is_user_allowed(
        self, request: AuthorizationRequest, client: Client, session: AuthenticatedSession | None, *, now: datetime
    ) -> bool:
        """Return whether the user is the subject of id_token_hint and of `claims`. True if the request has neither.

        Compares the subject identifier for this client, so that a hint of another sector does not match.
        """
        requested = (self._hinted(request, now=now), request.claims.subjects)
        if session is None or not any(requested):
            return True
        sub = self.subjects.sub(client, session.user_id)
        return all(sub in subjects for subjects in requested if subjects)

    def _hinted(self, request: AuthorizationRequest, *, now: datetime) -> frozenset[str]:
        hint = request.parameters.get("id_token_hint")
        if hint is None:
            return frozenset()
        try:
            claims = verify_id_token_hint(hint, self.keys, issuer=self.issuer, now=now)
        except InvalidJwt:
            raise InvalidRequest(
                "id_token_hint is not a valid ID token issued by this server.", reason=Reason.HINT_INVALID
            ) from None
        return frozenset({str(claims["sub"])})

    async def _record_consent(
        self,
        work: Writer,
        pending: PendingRequest,
        request: AuthorizationRequest,
        *,
        session: AuthenticatedSession,
        now: datetime,
    ) -> PendingRequest:
        await work.pending_requests.record_consent(pending.id_hash, user_id=session.user_id)
        await work.consents.remember(
            user_id=session.user_id,
            client_id=pending.client_id,
            scopes=request.disclosed_scopes,
            resources=request.resources,
            now=now,
        )
        work.emit(
            events.consent_granted(
                user_id=session.user_id,
                client_id=pending.client_id,
                scopes=request.disclosed_scopes,
                resources=request.resources,
                correlation_id=pending.correlation_id,
            )
        )
        return replace(pending, consented_by=session.user_id)

    async def end(self, work: Writer, pending: PendingRequest, *, stored: bool, now: datetime) -> None:
        """The request is about to be answered, as it can be once; so does the pushed one that it came from.

        Raises:
            InvalidRequest, InvalidRequestUri: not redirectable; it was answered meanwhile.
        """
        if stored and not await work.pending_requests.complete(pending.id_hash, now=now):
            raise unknown_request(Reason.REQUEST_COMPLETED)
        if pending.pushed_hash and not await work.pushed_requests.complete(pending.pushed_hash, now=now):
            raise pushed_request_ended(Reason.PUSHED_REQUEST_COMPLETED)

    async def store(self, work: Writer, pending: PendingRequest) -> str:
        """Keeps the request; returns the id that the browser carries."""
        request_id = new_secret()
        await work.pending_requests.add(replace(pending, id_hash=secret_hash(request_id)))
        return request_id

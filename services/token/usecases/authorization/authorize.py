"""New authorization requests (RFC 6749 4.1.1, OpenID Connect Core 3.1.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from libs.crypto.hashing import secret_hash
from libs.crypto.random import new_secret, uuid7
from libs.oauth.errors import InvalidRequest, OAuthError, TemporarilyUnavailable
from libs.oauth.parameters import Pair, Parameters, repeated_names, repeated_parameters
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.token.domain.authorization.authorization_response import AskUser, Next
from services.token.domain.authorization.pending_requests import LIFETIME, PendingRequest
from services.token.domain.authorization.pushed_requests import URI_PREFIX, require_pushed_request
from services.token.domain.clients.client import Client
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.ports.authorization import PendingRequestLimiter
from services.token.ports.work import Begin, View
from services.token.usecases.authorization.advance_authorization import AdvanceAuthorization
from services.token.usecases.authorization.read_request_object import ReadRequestObject

_WHERE_ANSWERS_GO = frozenset({"client_id", "redirect_uri"})


@dataclass(frozen=True, kw_only=True)
class Authorize:
    begin: Begin
    view: View
    advance: AdvanceAuthorization
    read_request_object: ReadRequestObject
    pending_request_limiter: PendingRequestLimiter
    clock: Clock

    async def __call__(
        self,
        pairs: Sequence[Pair],
        *,
        browser_secret: str,
        session: AuthenticatedSession | None,
        defer: bool,
        network: str = "",
    ) -> Next:
        """Grant the request if no interaction is required; otherwise store it.

        Raises:
            OAuthError: it must not be redirected: the client or its redirect URI is not known, or too much comes from
                this network.
        """
        repeated = repeated_names(pairs)
        if repeated & _WHERE_ANSWERS_GO:
            raise InvalidRequest(
                "client_id and redirect_uri must not be repeated.",
                reason=Reason.PARAMETER_REPEATED,
                redirectable=False,
            )
        pending = _pending(Parameters.lenient(pairs), browser_secret=browser_secret, now=self.clock.now())
        if pending.parameters.get("request_uri", "").startswith(URI_PREFIX):
            pending, repeated = await self._pushed(pending), frozenset()
        client = await self.advance.client(pending.client_id)
        try:
            pending = await self._read(pending, client)
        except OAuthError as refusal:  # sent to where the request itself leads, if that is the client's
            return self.advance.refuse(pending, client, refusal)
        self.advance.reply_address(pending, client)  # until it is known to be the client's, errors are pages
        try:
            _judge_arrival(pending, client, repeated)
            if session is None or defer:
                self.pending_request_limiter.require_room(pending.parameters, network=network, now=pending.created_at)
            if defer:
                async with self.begin() as work:
                    return AskUser(await self.advance.store(work, pending), None)
            prepared = await self.advance.prepare(pending, client, session=session, now=pending.created_at)
            async with self.begin() as work:
                return await self.advance(
                    work, pending, prepared, request_id=None, session=session, now=pending.created_at
                )
        except TemporarilyUnavailable:  # an error page helps the user more than an error response to the client
            raise
        except OAuthError as refusal:
            if not refusal.redirectable:
                raise
            return self.advance.refuse(pending, client, refusal)

    async def _pushed(self, pending: PendingRequest) -> PendingRequest:
        """What the client has pushed, and nothing of what else the browser brought (RFC 9126 4, RFC 9101 6.3)."""
        id_hash = secret_hash(pending.parameters["request_uri"].removeprefix(URI_PREFIX))
        async with self.view() as view:
            found = await view.pushed_requests.find(id_hash)
        pushed = require_pushed_request(found, client_id=pending.client_id, now=pending.created_at)
        return replace(pending, parameters=pushed.parameters, pushed_hash=id_hash)

    async def _read(self, pending: PendingRequest, client: Client) -> PendingRequest:
        parameters = await self.read_request_object(pending.parameters, client, now=pending.created_at)
        return replace(pending, parameters=parameters)


def _judge_arrival(pending: PendingRequest, client: Client, repeated: frozenset[str]) -> None:
    """Raises InvalidRequest, redirectable, for a request that came in a way in which it must not come."""
    if repeated:
        raise repeated_parameters(repeated)
    if client.metadata.require_pushed_authorization_requests and pending.pushed_hash is None:
        raise InvalidRequest(
            "This client must use pushed authorization requests (RFC 9126).", reason=Reason.PUSH_REQUIRED
        )


def _pending(parameters: Parameters, *, browser_secret: str, now: datetime) -> PendingRequest:
    return PendingRequest(
        id_hash=secret_hash(new_secret()),
        browser_hash=secret_hash(browser_secret),
        client_id=parameters.get("client_id", ""),
        parameters=parameters,
        correlation_id=uuid7(now),
        created_at=now,
        expires_at=now + LIFETIME,
    )

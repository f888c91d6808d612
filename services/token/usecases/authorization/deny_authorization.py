"""The user denies the request or cancels the sign-in: the response is access_denied (RFC 6749 4.1.2.1)."""

from dataclasses import dataclass

from libs.crypto.hashing import secret_hash
from libs.oauth.errors import AccessDenied, InvalidScope
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.token import events
from services.token.domain.authorization.authorization_request import requested_scopes
from services.token.domain.authorization.authorization_response import Next
from services.token.domain.authorization.pending_requests import PendingRequest, require_pending_request
from services.token.domain.clients.client import Client, require_client
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.ports.work import Begin
from services.token.usecases.authorization.advance_authorization import AdvanceAuthorization


@dataclass(frozen=True, kw_only=True)
class DenyAuthorization:
    begin: Begin
    advance: AdvanceAuthorization
    clock: Clock

    async def __call__(self, request_id: str, *, browser_secret: str, session: AuthenticatedSession | None) -> Next:
        """Ends the request. Raises InvalidRequest, not redirectable, when it has ended or is another browser's."""
        now = self.clock.now()
        async with self.begin() as work:
            found = await work.pending_requests.find(secret_hash(request_id))
            pending = require_pending_request(found, browser_secret, now=now)
            client = require_client(await work.clients.find(pending.client_id))
            reply = self.advance.reply_address(pending, client)
            await self.advance.end(work, pending, stored=True, now=now)
            if session is not None:
                work.emit(
                    events.consent_denied(
                        user_id=session.user_id,
                        client_id=client.client_id,
                        scopes=_asked_for(pending, client),
                        correlation_id=pending.correlation_id,
                    )
                )
        return reply.refusal(AccessDenied(reason=Reason.PERSON_DENIED))


def _asked_for(pending: PendingRequest, client: Client) -> tuple[str, ...]:
    """Return no scopes when the request is invalid: the user can deny an invalid request too."""
    try:
        return requested_scopes(pending.parameters, client)
    except InvalidScope:
        return ()

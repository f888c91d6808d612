"""Resumes a pending authorization request: validates it again with the current session."""

from dataclasses import dataclass

from libs.crypto.hashing import secret_hash
from libs.oauth.errors import OAuthError, TemporarilyUnavailable
from libs.servicekit.base.clock import Clock
from services.token.domain.authorization.authorization_response import Next
from services.token.domain.authorization.pending_requests import require_pending_request
from services.token.domain.clients.client import require_client
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.ports.work import Begin, View
from services.token.usecases.authorization.advance_authorization import AdvanceAuthorization


@dataclass(frozen=True, kw_only=True)
class ResumeAuthorization:
    begin: Begin
    view: View
    advance: AdvanceAuthorization
    clock: Clock

    async def __call__(
        self, request_id: str, *, browser_secret: str, session: AuthenticatedSession | None, allow: bool = False
    ) -> Next:
        """Continue the request. `allow`: the user has just consented on the consent page.

        Raises:
            InvalidRequest: not redirectable; the request has ended or is another browser's.
            TemporarilyUnavailable: the request stays pending, the user can retry.
        """
        now = self.clock.now()
        async with self.view() as view:
            pending = require_pending_request(
                await view.pending_requests.find(secret_hash(request_id)), browser_secret, now=now
            )
            client = require_client(await view.clients.find(pending.client_id))
        self.advance.reply_address(pending, client)
        try:
            prepared = await self.advance.prepare(pending, client, session=session, now=now)
            async with self.begin() as work:
                return await self.advance(
                    work, pending, prepared, request_id=request_id, session=session, now=now, allow=allow
                )
        except TemporarilyUnavailable:
            raise
        except OAuthError as refusal:
            if not refusal.redirectable:
                raise
            async with self.begin() as work:
                await self.advance.end(work, pending, stored=True, now=now)
            return self.advance.refuse(pending, client, refusal)

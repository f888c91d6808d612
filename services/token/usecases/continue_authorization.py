"""An authorization request that was stored: looked at again, described for a page, or decided by the person."""

from datetime import datetime

from libs.crypto.hashing import secret_hash
from libs.oauth.errors import AccessDenied, OAuthError
from libs.oauth.redirect_uris import origin_of
from libs.oauth.scopes import parse_scope
from libs.servicekit.clock import Clock
from libs.servicekit.work import Transactions
from services.token import events
from services.token.domain.authorization_request import find_redirect_uri
from services.token.domain.authorization_response import Next
from services.token.domain.clients import Client
from services.token.domain.interaction_page import InteractionPage
from services.token.domain.pending_requests import PendingRequest, unknown_request
from services.token.domain.sessions import AuthenticatedSession
from services.token.store.work import TokenWork
from services.token.usecases.advance_authorization import AdvanceAuthorization


class ContinueAuthorization:
    """All methods raise InvalidRequest, not redirectable, for a request that has ended or is another browser's."""

    def __init__(self, transactions: Transactions[TokenWork], advance: AdvanceAuthorization, *, clock: Clock) -> None:
        self._transactions = transactions
        self._advance = advance
        self._clock = clock

    async def resume(self, request_id: str, *, browser_secret: str, session: AuthenticatedSession | None) -> Next:
        """Judges everything again and goes on from where the person is now."""
        return await self._go_on(request_id, browser_secret=browser_secret, session=session, allow=False)

    async def allow(self, request_id: str, *, browser_secret: str, session: AuthenticatedSession | None) -> Next:
        """The person agrees to what the consent page showed."""
        return await self._go_on(request_id, browser_secret=browser_secret, session=session, allow=True)

    async def _go_on(
        self, request_id: str, *, browser_secret: str, session: AuthenticatedSession | None, allow: bool
    ) -> Next:
        now = self._clock.now()
        async with self._transactions() as work:
            pending = await _find(work, request_id, browser_secret=browser_secret, now=now)
            client = await self._advance.client(pending.client_id)
            reply = self._advance.reply_address(pending, client)
            try:
                return await self._advance(
                    work, pending, request_id=request_id, client=client, session=session, now=now, allow=allow
                )
            except OAuthError as refusal:
                if not refusal.redirectable:
                    raise
                await work.pending_requests.complete(pending.id_hash, now=now)
                return reply.refusal(refusal)

    async def deny(self, request_id: str, *, browser_secret: str, session: AuthenticatedSession | None) -> Next:
        """The person refuses, or gives up signing in; the client is told access_denied."""
        now = self._clock.now()
        async with self._transactions() as work:
            pending = await _find(work, request_id, browser_secret=browser_secret, now=now)
            client = await self._advance.client(pending.client_id)
            reply = self._advance.reply_address(pending, client)
            if not await work.pending_requests.complete(pending.id_hash, now=now):
                raise unknown_request("REQUEST_COMPLETED")
            if session is not None:
                work.emit(
                    events.consent_denied(
                        user_id=session.user_id,
                        client_id=client.client_id,
                        scopes=_scopes(pending, client),
                        correlation_id=pending.correlation_id,
                    )
                )
        return reply.refusal(AccessDenied(reason="PERSON_DENIED"))

    async def describe(self, request_id: str, *, browser_secret: str) -> InteractionPage:
        """What a page about the request has to say."""
        now = self._clock.now()
        async with self._transactions.reading() as work:
            pending = await _find(work, request_id, browser_secret=browser_secret, now=now)
        client = await self._advance.client(pending.client_id)
        return InteractionPage(
            client=client,
            scopes=_scopes(pending, client),
            login_hint=pending.parameters.get("login_hint", ""),
            ui_locales=tuple(pending.parameters.get("ui_locales", "").split()),
            correlation_id=pending.correlation_id,
            redirect_origin=origin_of(find_redirect_uri(pending.parameters, client)),
        )


async def _find(work: TokenWork, request_id: str, *, browser_secret: str, now: datetime) -> PendingRequest:
    pending = await work.pending_requests.find(secret_hash(request_id))
    if pending is None:
        raise unknown_request("REQUEST_UNKNOWN")
    return pending.visit(browser_secret, now=now)


def _scopes(pending: PendingRequest, client: Client) -> tuple[str, ...]:
    return client.permitted_scope(parse_scope(pending.parameters.get("scope", "")))

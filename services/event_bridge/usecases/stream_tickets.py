"""Tickets for the event stream: an operator creates, lists and revokes them; the stream checks them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from libs.crypto.hashing import secret_hash
from libs.crypto.random import new_secret, uuid7
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.event_bridge import events
from services.event_bridge.domain.filters import MAX_FILTERS, parse_all
from services.event_bridge.domain.stream_tickets import MAX_LIFETIME, MIN_LIFETIME, PREFIX, StreamTicket
from services.event_bridge.ports import Begin, View

MAX_TICKETS = 500


@dataclass(frozen=True, kw_only=True)
class CreateStreamTicket:
    begin: Begin
    clock: Clock

    async def __call__(self, filters: Sequence[str], *, lifetime: timedelta) -> tuple[StreamTicket, str]:
        """Create a ticket. Returns its data and its secret, which cannot be read again. Raises InvalidRequest."""
        try:
            parse_all(filters)
        except ValueError:
            raise _invalid(
                f"filters must be 1 to {MAX_FILTERS} event filters such as login.> or session.ended.",
                Reason.TICKET_FILTER,
            ) from None
        if not MIN_LIFETIME <= lifetime <= MAX_LIFETIME:
            raise _invalid("lifetime_seconds must be between one minute and 30 days.", Reason.TICKET_LIFETIME)
        now, secret = self.clock.now(), PREFIX + new_secret()
        ticket = StreamTicket(
            ticket_id=f"st_{uuid7(now)}", filters=tuple(filters), created_at=now, expires_at=now + lifetime
        )
        async with self.begin() as work:
            if len(await work.tickets.every(now=now, limit=MAX_TICKETS)) >= MAX_TICKETS:
                raise _invalid(f"The limit of {MAX_TICKETS} tickets is reached.", Reason.TICKETS_FULL)
            await work.tickets.add(ticket, ticket_hash=secret_hash(secret))
            work.emit(events.stream_ticket_created(ticket.ticket_id, filters=ticket.filters))
        return ticket, secret


@dataclass(frozen=True, kw_only=True)
class FindStreamTickets:
    view: View
    clock: Clock

    async def every(self) -> Sequence[StreamTicket]:
        """Return unexpired tickets, newest first."""
        async with self.view() as view:
            return await view.tickets.every(now=self.clock.now(), limit=MAX_TICKETS)

    async def by_secret(self, ticket: str) -> StreamTicket | None:
        """Return the ticket with this secret if it has not expired or been revoked."""
        if not ticket.startswith(PREFIX) or len(ticket) > 100:
            return None
        async with self.view() as view:
            return await view.tickets.find(secret_hash(ticket), now=self.clock.now())


@dataclass(frozen=True, kw_only=True)
class RevokeStreamTicket:
    begin: Begin

    async def __call__(self, ticket_id: str) -> None:
        """Delete the ticket. Raises InvalidRequest if it does not exist."""
        async with self.begin() as work:
            if not await work.tickets.delete(ticket_id):
                raise _invalid("ticket_id does not match an existing ticket.", Reason.TICKET_UNKNOWN)
            work.emit(events.stream_ticket_revoked(ticket_id))


def _invalid(description: str, reason: Reason) -> InvalidRequest:
    return InvalidRequest(description, reason=reason, redirectable=False)

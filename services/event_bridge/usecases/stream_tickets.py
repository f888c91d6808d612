"""An operator gives tickets for the stream of events, and takes them back; whoever has one shows it."""

from collections.abc import Sequence
from datetime import timedelta

from libs.crypto.hashing import secret_hash
from libs.crypto.random import new_secret, uuid7
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.event_bridge import events
from services.event_bridge.domain.filters import parse_all
from services.event_bridge.domain.stream_tickets import LONGEST_LIFE, PREFIX, SHORTEST_LIFE, StreamTicket
from services.event_bridge.ports import Begin

MOST_TICKETS = 500


class CreateStreamTicket:
    def __init__(self, begin: Begin, *, clock: Clock) -> None:
        self._begin = begin
        self._clock = clock

    async def __call__(self, filters: Sequence[str], *, lifetime: timedelta) -> tuple[StreamTicket, str]:
        """What is known of it from now on, and the ticket itself, once. Raises InvalidRequest."""
        try:
            parse_all(filters)
        except ValueError:
            raise _refused("A filter is login.>, session.ended or the like.", Reason.TICKET_FILTER) from None
        if not SHORTEST_LIFE <= lifetime <= LONGEST_LIFE:
            raise _refused("A ticket lives for a minute to 30 days.", Reason.TICKET_LIFETIME)
        now, secret = self._clock.now(), PREFIX + new_secret()
        ticket = StreamTicket(
            ticket_id=f"st_{uuid7(now)}", filters=tuple(filters), created_at=now, expires_at=now + lifetime
        )
        async with self._begin() as work:
            if len(await work.tickets.every(now=now, limit=MOST_TICKETS)) >= MOST_TICKETS:
                raise _refused(f"There are {MOST_TICKETS} tickets already.", Reason.TICKETS_FULL)
            await work.tickets.add(ticket, ticket_hash=secret_hash(secret))
            work.emit(events.stream_ticket_created(ticket.ticket_id, filters=ticket.filters))
        return ticket, secret


class FindStreamTickets:
    def __init__(self, view: Begin, *, clock: Clock) -> None:
        self._view = view
        self._clock = clock

    async def every(self) -> Sequence[StreamTicket]:
        """Those that can be used, the latest first."""
        async with self._view() as work:
            return await work.tickets.every(now=self._clock.now(), limit=MOST_TICKETS)

    async def shown(self, ticket: str) -> StreamTicket | None:
        """The one that is shown, while it can be used."""
        if not ticket.startswith(PREFIX) or len(ticket) > 100:
            return None
        async with self._view() as work:
            return await work.tickets.find(secret_hash(ticket), now=self._clock.now())


class RevokeStreamTicket:
    def __init__(self, begin: Begin) -> None:
        self._begin = begin

    async def __call__(self, ticket_id: str) -> None:
        """Raises InvalidRequest."""
        async with self._begin() as work:
            if not await work.tickets.delete(ticket_id):
                raise _refused("There is no such ticket.", Reason.TICKET_UNKNOWN)
            work.emit(events.stream_ticket_revoked(ticket_id))


def _refused(description: str, reason: Reason) -> InvalidRequest:
    return InvalidRequest(description, reason=reason, redirectable=False)

"""latchkey stream-ticket: manage tickets for the event stream for browsers (GET /events/stream)."""

from typing import Annotated, Any

import typer

from latchkey.bridge.v1 import streams_pb2 as pb
from latchkey.bridge.v1.streams_pb2_grpc import StreamTicketAdminServiceStub
from libs.cli.admin import connection, run, service, when
from libs.cli.app import App
from libs.cli.connection import Connection
from libs.cli.durations import parse_duration
from libs.cli.errors import UsageError
from libs.cli.output import Output, moment, text

app = App(help="Manage tickets for the event stream for browsers.")
_SERVICE = "event-bridge"


@app.answering("create")
def create(
    context: typer.Context,
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="FILTER",
            show_default=False,
            help="Event filter, for example login.> or session.ended. Repeatable.",
        ),
    ] = None,
    expires: Annotated[str, typer.Option(metavar="TIME", help="Lifetime of the ticket: 10m, 2h, at most 30d.")] = "1h",
) -> None:
    """Create a ticket. Its bearer can read the events until it expires. It is shown only once."""
    life = parse_duration(expires)
    if not life:
        raise UsageError(f"--expires {expires} is invalid: use 10m, 2h or 3d")
    request = pb.CreateStreamTicketRequest(filters=filters or [">"], lifetime_seconds=int(life.total_seconds()))
    answer = run(_create(connection(), request))
    members = {**_as_json(answer.stream_ticket), "ticket": answer.ticket}
    output = Output.of(context)

    def human() -> None:
        output.line("The ticket is shown only once: store it now.\n")
        output.members({name: text(value) for name, value in members.items()})
        output.line(f'\nIn a page: new EventSource("https://…/events/stream?ticket={answer.ticket}")')

    output.answer(members, human=human)


@app.answering("list")
def list_all(context: typer.Context) -> None:
    """List valid tickets by their IDs, latest first. The tickets themselves are not shown."""
    found = run(_every(connection()))
    output = Output.of(context)
    rows = ((each.ticket_id, text(list(each.filters)), moment(when(each.expires_at))) for each in found)
    output.answer(
        [_as_json(each) for each in found],
        human=lambda: output.table(("TICKET ID", "FILTERS", "EXPIRES"), rows, empty="No tickets.", whole={0}),
    )


@app.answering("revoke")
def revoke(
    context: typer.Context,
    ticket_id: Annotated[
        str, typer.Argument(metavar="TICKET_ID", show_default=False, help="ID from `latchkey stream-ticket list`.")
    ],
) -> None:
    """Revoke a ticket. The streams that it opened end within seconds."""
    run(_revoke(connection(), ticket_id))
    output = Output.of(context)
    members = {"ticket_id": ticket_id, "revoked": True}
    output.answer(members, human=lambda: output.line(f"Ticket {ticket_id} revoked."))


async def _create(found: Connection, request: pb.CreateStreamTicketRequest) -> pb.CreateStreamTicketResponse:
    async with service(_SERVICE, found) as channel:
        return await StreamTicketAdminServiceStub(channel).CreateStreamTicket(request)


async def _every(found: Connection) -> list[pb.StreamTicket]:
    async with service(_SERVICE, found) as channel:
        answer = await StreamTicketAdminServiceStub(channel).ListStreamTickets(pb.ListStreamTicketsRequest())
        return list(answer.stream_tickets)


async def _revoke(found: Connection, ticket_id: str) -> None:
    async with service(_SERVICE, found) as channel:
        request = pb.RevokeStreamTicketRequest(ticket_id=ticket_id)
        await StreamTicketAdminServiceStub(channel).RevokeStreamTicket(request)


def _as_json(ticket: pb.StreamTicket) -> dict[str, Any]:
    return {
        "ticket_id": ticket.ticket_id,
        "filters": list(ticket.filters),
        "created_at": _moment(ticket.created_at),
        "expires_at": _moment(ticket.expires_at),
    }


def _moment(timestamp: Any) -> str:
    return when(timestamp).isoformat(timespec="seconds").replace("+00:00", "Z")

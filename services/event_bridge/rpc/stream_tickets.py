"""StreamTicketAdminService, with the conversions between protobuf messages and domain values."""

from datetime import timedelta
from typing import Any

from latchkey.bridge.v1 import streams_pb2, streams_pb2_grpc
from libs.servicekit.grpc.timestamps import to_timestamp
from services.event_bridge.domain.stream_tickets import StreamTicket
from services.event_bridge.wiring import StreamTicketUseCases


class StreamTicketAdminRpc(streams_pb2_grpc.StreamTicketAdminServiceServicer):
    def __init__(self, use_cases: StreamTicketUseCases) -> None:
        self._use_cases = use_cases

    async def CreateStreamTicket(
        self, request: streams_pb2.CreateStreamTicketRequest, context: Any
    ) -> streams_pb2.CreateStreamTicketResponse:
        lifetime = timedelta(seconds=request.lifetime_seconds)
        created, ticket = await self._use_cases.create(tuple(request.filters), lifetime=lifetime)
        return streams_pb2.CreateStreamTicketResponse(stream_ticket=to_stream_ticket(created), ticket=ticket)

    async def ListStreamTickets(
        self, request: streams_pb2.ListStreamTicketsRequest, context: Any
    ) -> streams_pb2.ListStreamTicketsResponse:
        found = await self._use_cases.find.every()
        return streams_pb2.ListStreamTicketsResponse(stream_tickets=map(to_stream_ticket, found))

    async def RevokeStreamTicket(
        self, request: streams_pb2.RevokeStreamTicketRequest, context: Any
    ) -> streams_pb2.RevokeStreamTicketResponse:
        await self._use_cases.revoke(request.ticket_id)
        return streams_pb2.RevokeStreamTicketResponse()


def to_stream_ticket(ticket: StreamTicket) -> streams_pb2.StreamTicket:
    return streams_pb2.StreamTicket(
        ticket_id=ticket.ticket_id,
        filters=ticket.filters,
        created_at=to_timestamp(ticket.created_at),
        expires_at=to_timestamp(ticket.expires_at),
    )

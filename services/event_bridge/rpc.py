"""The gRPC methods: decode, one use case, encode. Who may call them stands in the contract."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from latchkey.bridge.v1 import streams_pb2, streams_pb2_grpc, webhooks_pb2_grpc
from latchkey.bridge.v1 import webhooks_pb2 as pb
from services.event_bridge import convert
from services.event_bridge.usecases.change_webhook import (
    DeleteWebhook,
    DisableWebhook,
    EnableWebhook,
    RotateWebhookSecret,
)
from services.event_bridge.usecases.create_webhook import CreateWebhook
from services.event_bridge.usecases.find_webhooks import FindWebhooks
from services.event_bridge.usecases.redeliver_events import RedeliverEvents, TestWebhook
from services.event_bridge.usecases.stream_tickets import CreateStreamTicket, FindStreamTickets, RevokeStreamTicket


@dataclass(frozen=True, kw_only=True)
class WebhookAdmin(webhooks_pb2_grpc.WebhookAdminServiceServicer):
    create: CreateWebhook
    find: FindWebhooks
    rotate: RotateWebhookSecret
    enable: EnableWebhook
    disable: DisableWebhook
    delete: DeleteWebhook
    redeliver: RedeliverEvents
    test: TestWebhook

    async def CreateWebhook(self, request: pb.CreateWebhookRequest, context: Any) -> pb.CreateWebhookResponse:
        webhook, secret = await self.create(convert.wanted(request))
        return pb.CreateWebhookResponse(webhook=convert.webhook(webhook), secret=secret)

    async def ListWebhooks(self, request: pb.ListWebhooksRequest, context: Any) -> pb.ListWebhooksResponse:
        return pb.ListWebhooksResponse(webhooks=map(convert.webhook, await self.find.every()))

    async def GetWebhook(self, request: pb.GetWebhookRequest, context: Any) -> pb.GetWebhookResponse:
        return pb.GetWebhookResponse(webhook=convert.webhook(await self.find.one(request.webhook_id)))

    async def RotateWebhookSecret(
        self, request: pb.RotateWebhookSecretRequest, context: Any
    ) -> pb.RotateWebhookSecretResponse:
        overlap = timedelta(seconds=request.overlap_seconds)
        return pb.RotateWebhookSecretResponse(secret=await self.rotate(request.webhook_id, overlap=overlap))

    async def EnableWebhook(self, request: pb.EnableWebhookRequest, context: Any) -> pb.EnableWebhookResponse:
        await self.enable(request.webhook_id)
        return pb.EnableWebhookResponse()

    async def DisableWebhook(self, request: pb.DisableWebhookRequest, context: Any) -> pb.DisableWebhookResponse:
        await self.disable(request.webhook_id)
        return pb.DisableWebhookResponse()

    async def DeleteWebhook(self, request: pb.DeleteWebhookRequest, context: Any) -> pb.DeleteWebhookResponse:
        await self.delete(request.webhook_id)
        return pb.DeleteWebhookResponse()

    async def ListDeliveries(self, request: pb.ListDeliveriesRequest, context: Any) -> pb.ListDeliveriesResponse:
        found = await self.find.deliveries(request.webhook_id, state=convert.state(request), limit=request.limit)
        return pb.ListDeliveriesResponse(deliveries=map(convert.delivery, found))

    async def RedeliverEvents(self, request: pb.RedeliverEventsRequest, context: Any) -> pb.RedeliverEventsResponse:
        return pb.RedeliverEventsResponse(queued=await self.redeliver(request.webhook_id, convert.span(request)))

    async def TestWebhook(self, request: pb.TestWebhookRequest, context: Any) -> pb.TestWebhookResponse:
        return pb.TestWebhookResponse(event_id=await self.test(request.webhook_id))


@dataclass(frozen=True, kw_only=True)
class StreamTicketAdmin(streams_pb2_grpc.StreamTicketAdminServiceServicer):
    create: CreateStreamTicket
    find: FindStreamTickets
    revoke: RevokeStreamTicket

    async def CreateStreamTicket(
        self, request: streams_pb2.CreateStreamTicketRequest, context: Any
    ) -> streams_pb2.CreateStreamTicketResponse:
        lifetime = timedelta(seconds=request.lifetime_seconds)
        found, ticket = await self.create(tuple(request.filters), lifetime=lifetime)
        return streams_pb2.CreateStreamTicketResponse(stream_ticket=convert.stream_ticket(found), ticket=ticket)

    async def ListStreamTickets(
        self, request: streams_pb2.ListStreamTicketsRequest, context: Any
    ) -> streams_pb2.ListStreamTicketsResponse:
        found = await self.find.every()
        return streams_pb2.ListStreamTicketsResponse(stream_tickets=map(convert.stream_ticket, found))

    async def RevokeStreamTicket(
        self, request: streams_pb2.RevokeStreamTicketRequest, context: Any
    ) -> streams_pb2.RevokeStreamTicketResponse:
        await self.revoke(request.ticket_id)
        return streams_pb2.RevokeStreamTicketResponse()

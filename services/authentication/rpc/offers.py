"""OfferService: whether email and sign-up are enabled."""

from typing import Any, TypeAlias

import grpc

from latchkey.authentication.v1 import (
    offers_pb2,
    offers_pb2_grpc,
)

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class OfferRpc(offers_pb2_grpc.OfferServiceServicer):
    def __init__(self, *, mail: bool, sign_up: bool) -> None:
        self._answer = offers_pb2.GetOffersResponse(mail=mail, sign_up=sign_up)

    async def GetOffers(self, request: offers_pb2.GetOffersRequest, context: _Context) -> offers_pb2.GetOffersResponse:
        return self._answer

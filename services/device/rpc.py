"""The gRPC methods: decode, one use case, encode. Who may call them stands in the contract."""

from datetime import timedelta
from typing import Any

from latchkey.device.v1 import device_pb2, device_pb2_grpc
from services.device import convert
from services.device.usecases.create_device_code import CreateDeviceCode
from services.device.usecases.decide_device_code import DecideDeviceCode
from services.device.usecases.find_user_code import FindUserCode
from services.device.usecases.poll_device_code import PollDeviceCode
from services.device.usecases.redeem_device_code import RedeemDeviceCode


class Device(device_pb2_grpc.DeviceServiceServicer):
    def __init__(
        self,
        *,
        create: CreateDeviceCode,
        poll: PollDeviceCode,
        redeem: RedeemDeviceCode,
        find: FindUserCode,
        decide: DecideDeviceCode,
    ) -> None:
        self._create = create
        self._poll = poll
        self._redeem = redeem
        self._find = find
        self._decide = decide

    async def CreateDeviceCode(
        self, request: device_pb2.CreateDeviceCodeRequest, context: Any
    ) -> device_pb2.CreateDeviceCodeResponse:
        return convert.created(await self._create(convert.asked(request)))

    async def PollDeviceCode(
        self, request: device_pb2.PollDeviceCodeRequest, context: Any
    ) -> device_pb2.PollDeviceCodeResponse:
        wait = timedelta(seconds=request.wait_seconds)
        return convert.allowed(await self._poll(request.device_code, client_id=request.client_id, wait=wait))

    async def RedeemDeviceCode(
        self, request: device_pb2.RedeemDeviceCodeRequest, context: Any
    ) -> device_pb2.RedeemDeviceCodeResponse:
        await self._redeem(request.device_code, client_id=request.client_id)
        return device_pb2.RedeemDeviceCodeResponse()

    async def FindUserCode(
        self, request: device_pb2.FindUserCodeRequest, context: Any
    ) -> device_pb2.FindUserCodeResponse:
        return convert.found(await self._find(convert.typed(request)), request)

    async def DecideDeviceCode(
        self, request: device_pb2.DecideDeviceCodeRequest, context: Any
    ) -> device_pb2.DecideDeviceCodeResponse:
        await self._decide(convert.decision(request))
        return device_pb2.DecideDeviceCodeResponse()

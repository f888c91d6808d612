"""The gRPC methods of DeviceService, with the conversions between protobuf messages and domain values."""

from datetime import timedelta
from typing import Any

from google.protobuf.message import DecodeError

from latchkey.authentication.v1 import sessions_pb2
from latchkey.device.v1 import device_pb2, device_pb2_grpc
from libs.oauth.addresses import address_prefix
from libs.oauth.errors import InvalidRequest, LoginRequired, ServerError
from libs.oauth.reasons import Reason
from libs.servicekit.grpc.timestamps import datetime_of, to_timestamp
from services.device.domain.device_codes import Approval, DeviceCode
from services.device.domain.user_codes import display_form, normal_form
from services.device.usecases.create_device_code import DeviceAuthorizationRequest, IssuedCodes
from services.device.usecases.decide_device_code import Decision
from services.device.usecases.look_up_user_code import UserCodeEntry
from services.device.usecases.poll_device_code import ApprovedCode
from services.device.wiring import UseCases

_DECISIONS = {device_pb2.DEVICE_DECISION_ALLOW: True, device_pb2.DEVICE_DECISION_DENY: False}


class DeviceRpc(device_pb2_grpc.DeviceServiceServicer):
    def __init__(self, use_cases: UseCases) -> None:
        self._use_cases = use_cases

    async def CreateDeviceCode(
        self, request: device_pb2.CreateDeviceCodeRequest, context: Any
    ) -> device_pb2.CreateDeviceCodeResponse:
        return to_created(await self._use_cases.create_device_code(authorization_request_of(request)))

    async def PollDeviceCode(
        self, request: device_pb2.PollDeviceCodeRequest, context: Any
    ) -> device_pb2.PollDeviceCodeResponse:
        wait = timedelta(seconds=request.wait_seconds)
        return to_approved(
            await self._use_cases.poll_device_code(request.device_code, client_id=request.client_id, wait=wait)
        )

    async def RedeemDeviceCode(
        self, request: device_pb2.RedeemDeviceCodeRequest, context: Any
    ) -> device_pb2.RedeemDeviceCodeResponse:
        await self._use_cases.redeem_device_code(request.device_code, client_id=request.client_id)
        return device_pb2.RedeemDeviceCodeResponse()

    async def FindUserCode(
        self, request: device_pb2.FindUserCodeRequest, context: Any
    ) -> device_pb2.FindUserCodeResponse:
        found = await self._use_cases.find_user_code(entry_of(request))
        return to_found(found, user_code=request.user_code)

    async def DecideDeviceCode(
        self, request: device_pb2.DecideDeviceCodeRequest, context: Any
    ) -> device_pb2.DecideDeviceCodeResponse:
        await self._use_cases.decide_device_code(decision_of(request))
        return device_pb2.DecideDeviceCodeResponse()


def authorization_request_of(request: device_pb2.CreateDeviceCodeRequest) -> DeviceAuthorizationRequest:
    return DeviceAuthorizationRequest(
        client_id=request.client_id,
        client_name=request.client_name,
        scopes=tuple(request.scopes),
        ip_prefix=address_prefix(request.context.remote_address),
        resources=tuple(request.resources),
    )


def to_created(codes: IssuedCodes) -> device_pb2.CreateDeviceCodeResponse:
    return device_pb2.CreateDeviceCodeResponse(
        device_code=codes.device_code,
        user_code=codes.user_code,
        expires_in_seconds=int(codes.lifetime.total_seconds()),
        interval_seconds=int(codes.interval.total_seconds()),
    )


def to_approved(approved: ApprovedCode) -> device_pb2.PollDeviceCodeResponse:
    return device_pb2.PollDeviceCodeResponse(
        session=sessions_pb2.AttestedSession.FromString(approved.approval.attested_session),
        scopes=approved.scopes,
        resources=approved.resources,
        correlation_id=approved.code_id,
    )


def entry_of(request: device_pb2.FindUserCodeRequest) -> UserCodeEntry:
    return UserCodeEntry(request.user_code, request.user_id, address_prefix(request.context.remote_address))


def to_found(code: DeviceCode, *, user_code: str) -> device_pb2.FindUserCodeResponse:
    return device_pb2.FindUserCodeResponse(
        client_id=code.client_id,
        client_name=code.client_name,
        scopes=code.scopes,
        resources=code.resources,
        requested_from=code.requested_from,
        requested_at=to_timestamp(code.created_at),
        user_code=display_form(normal_form(user_code) or ""),
    )


def decision_of(request: device_pb2.DecideDeviceCodeRequest) -> Decision:
    """Read the decision and the attested session. The MAC of the session is not verified here.

    Raises:
        InvalidRequest: the decision is missing.
        LoginRequired: the session is missing.
        ServerError: the session cannot be parsed.
    """
    if request.decision not in _DECISIONS:
        raise InvalidRequest("decision is missing.", reason=Reason.DECISION_MISSING, redirectable=False)
    if not request.HasField("session"):
        raise LoginRequired(reason=Reason.SESSION_MISSING, redirectable=False)
    try:
        session = sessions_pb2.Session.FromString(request.session.session)
    except DecodeError:
        raise ServerError(reason=Reason.SESSION_MALFORMED, redirectable=False) from None
    attested = request.session.SerializeToString(deterministic=True)
    return Decision(
        entry=UserCodeEntry(request.user_code, session.user_id, address_prefix(request.context.remote_address)),
        approval=Approval(session.user_id, session.session_id, attested),
        authenticated_at=datetime_of(session.authenticated_at),
        allow=_DECISIONS[request.decision],
    )

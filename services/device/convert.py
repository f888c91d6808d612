"""The contract (protos/latchkey/device/v1) to the domain and back."""

from google.protobuf.message import DecodeError

from latchkey.authentication.v1 import sessions_pb2
from latchkey.device.v1 import device_pb2
from libs.oauth.addresses import address_prefix
from libs.oauth.errors import InvalidRequest, LoginRequired, ServerError
from libs.oauth.reasons import Reason
from libs.servicekit.grpc.timestamps import datetime_of, to_timestamp
from services.device.domain.device_codes import Approval, DeviceCode
from services.device.domain.user_codes import as_shown, normal_form
from services.device.usecases.create_device_code import Asked, Codes
from services.device.usecases.decide_device_code import Decision
from services.device.usecases.look_up_user_code import Typed
from services.device.usecases.poll_device_code import Allowed

_DECISIONS = {device_pb2.DEVICE_DECISION_ALLOW: True, device_pb2.DEVICE_DECISION_DENY: False}


def asked(request: device_pb2.CreateDeviceCodeRequest) -> Asked:
    return Asked(
        client_id=request.client_id,
        client_name=request.client_name,
        scopes=tuple(request.scopes),
        ip_prefix=address_prefix(request.context.remote_address),
        resources=tuple(request.resources),
    )


def created(codes: Codes) -> device_pb2.CreateDeviceCodeResponse:
    return device_pb2.CreateDeviceCodeResponse(
        device_code=codes.device_code,
        user_code=codes.user_code,
        expires_in_seconds=int(codes.lifetime.total_seconds()),
        interval_seconds=int(codes.interval.total_seconds()),
    )


def allowed(answer: Allowed) -> device_pb2.PollDeviceCodeResponse:
    return device_pb2.PollDeviceCodeResponse(
        session=sessions_pb2.AttestedSession.FromString(answer.approval.attested_session),
        scopes=answer.scopes,
        resources=answer.resources,
        correlation_id=answer.code_id,
    )


def typed(request: device_pb2.FindUserCodeRequest) -> Typed:
    return Typed(request.user_code, request.user_id, address_prefix(request.context.remote_address))


def found(code: DeviceCode, request: device_pb2.FindUserCodeRequest) -> device_pb2.FindUserCodeResponse:
    return device_pb2.FindUserCodeResponse(
        client_id=code.client_id,
        client_name=code.client_name,
        scopes=code.scopes,
        resources=code.resources,
        requested_from=code.requested_from,
        requested_at=to_timestamp(code.created_at),
        user_code=as_shown(normal_form(request.user_code) or ""),
    )


def decision(request: device_pb2.DecideDeviceCodeRequest) -> Decision:
    """What the person decided, and who the frontend says it is.

    Raises:
        InvalidRequest: there is no decision.
        LoginRequired: there is no session.
        ServerError: what should be a session is none.
    """
    if request.decision not in _DECISIONS:
        raise InvalidRequest("The decision is missing.", reason=Reason.DECISION_MISSING, redirectable=False)
    if not request.HasField("session"):
        raise LoginRequired(reason=Reason.SESSION_MISSING, redirectable=False)
    try:
        session = sessions_pb2.Session.FromString(request.session.session)
    except DecodeError:
        raise ServerError(reason=Reason.SESSION_MALFORMED, redirectable=False) from None
    attested = request.session.SerializeToString(deterministic=True)
    return Decision(
        typed=Typed(request.user_code, session.user_id, address_prefix(request.context.remote_address)),
        person=Approval(session.user_id, session.session_id, attested),
        authenticated_at=datetime_of(session.authenticated_at),
        allow=_DECISIONS[request.decision],
    )

"""Events of this service (protos/latchkey/events/v1): one function for each event.

All events of one device authorization share its id as correlation id.
"""

from latchkey.events.v1 import events_pb2
from libs.servicekit.events.event import Actor, Event
from services.device.domain.device_codes import Approval, DeviceCode

_SYSTEM = Actor("system")


def requested(code: DeviceCode) -> Event:
    data = events_pb2.DeviceRequested(client_id=code.client_id, scopes=code.scopes, ip_prefix=code.requested_from)
    return Event(data, code.client_id, Actor("client", code.client_id), correlation_id=code.id)


def approved(code: DeviceCode, approval: Approval, *, ip_prefix: str) -> Event:
    data = events_pb2.DeviceApproved(
        user_id=approval.user_id,
        session_id=approval.session_id,
        client_id=code.client_id,
        scopes=code.scopes,
        ip_prefix=ip_prefix,
        device_ip_prefix=code.requested_from,
    )
    return Event(data, approval.user_id, Actor("user", approval.user_id), correlation_id=code.id)


def denied(code: DeviceCode, *, user_id: str, session_id: str, ip_prefix: str) -> Event:
    data = events_pb2.DeviceDenied(
        user_id=user_id,
        session_id=session_id,
        client_id=code.client_id,
        ip_prefix=ip_prefix,
        device_ip_prefix=code.requested_from,
    )
    return Event(data, user_id, Actor("user", user_id), outcome="failure", correlation_id=code.id)


def expired(*, code_id: str, client_id: str, user_id: str) -> Event:
    """`user_id` is empty if no user had approved the code."""
    data = events_pb2.DeviceExpired(client_id=client_id, user_id=user_id)
    return Event(data, user_id or client_id, _SYSTEM, outcome="failure", correlation_id=code_id)


def redeemed(code: DeviceCode, approval: Approval) -> Event:
    data = events_pb2.DeviceRedeemed(user_id=approval.user_id, client_id=code.client_id)
    return Event(data, approval.user_id, Actor("client", code.client_id), correlation_id=code.id)

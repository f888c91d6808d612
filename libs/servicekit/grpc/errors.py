"""OAuth errors on the wire: conversion into a gRPC status with a typed detail, and back."""

import grpc
from google.protobuf.message import DecodeError
from google.rpc import status_pb2  # type: ignore[import-untyped]

from latchkey.errors.v1 import errors_pb2
from libs.oauth.errors import BY_CODE, OAuthError, ServerError, TemporarilyUnavailable
from libs.oauth.reasons import Reason

_DETAILS = "grpc-status-details-bin"
_STATUS = {
    "invalid_request": grpc.StatusCode.INVALID_ARGUMENT,
    "invalid_client_metadata": grpc.StatusCode.INVALID_ARGUMENT,
    "invalid_redirect_uri": grpc.StatusCode.INVALID_ARGUMENT,
    "invalid_client": grpc.StatusCode.UNAUTHENTICATED,
    "access_denied": grpc.StatusCode.PERMISSION_DENIED,
    # Not UNAVAILABLE: the service responded, so the gRPC library must not retry.
    "temporarily_unavailable": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "server_error": grpc.StatusCode.INTERNAL,
}
_UNREACHABLE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


def to_status(error: OAuthError) -> tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]:
    """Return the status code, message and trailing metadata that carry the error to the caller."""
    code = _STATUS.get(error.error, grpc.StatusCode.FAILED_PRECONDITION)
    detail = errors_pb2.OAuthErrorDetail(
        error=error.error,
        description=error.description,
        reason=error.reason,
        redirectable=error.redirectable,
        retry_after_seconds=error.retry_after or 0,
    )
    status = status_pb2.Status(code=code.value[0], message=error.error)
    status.details.add().Pack(detail)
    return code, error.error, ((_DETAILS, status.SerializeToString()),)


def from_rpc_error(error: grpc.aio.AioRpcError, *, service: str) -> OAuthError:
    """Return the error that the callee raised, or temporarily_unavailable if the callee could not be reached."""
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS:
            raised = _parse(value)
            if raised is not None:
                return raised
    name = service.upper().replace("-", "_")
    if error.code() in _UNREACHABLE:
        return TemporarilyUnavailable(reason=Reason(f"{name}_UNREACHABLE"), retry_after=2)
    return ServerError(reason=Reason.__members__.get(f"{name}_{error.code().name}", Reason(f"{name}_FAILED")))


def _parse(serialized: str | bytes) -> OAuthError | None:
    detail = errors_pb2.OAuthErrorDetail()
    try:
        status = status_pb2.Status.FromString(serialized if isinstance(serialized, bytes) else serialized.encode())
        unpacked = any(packed.Unpack(detail) for packed in status.details)
    except DecodeError:
        return None
    if not unpacked or detail.error not in BY_CODE:
        return None
    return BY_CODE[detail.error](
        detail.description,
        reason=Reason.of_wire(detail.reason),
        redirectable=detail.redirectable,
        retry_after=detail.retry_after_seconds or None,
    )

"""gRPC client channels: one long-lived channel per target, mutual TLS, a deadline for each call, typed errors."""

from collections.abc import Callable
from typing import Any

import grpc

from libs.servicekit.base import trace
from libs.servicekit.base.settings import ServiceSettings
from libs.servicekit.grpc.errors import from_rpc_error
from libs.servicekit.grpc.identity import host_name

DEADLINE_SECONDS = 5.0
_OPTIONS = (
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.keepalive_time_ms", 30_000),
    # Reconnect to a restarted service well within the deadline of a pending call.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.enable_http_proxy", 0),
)


def channel(target: str, *, service: str, settings: ServiceSettings) -> grpc.aio.Channel:
    """Return a channel to a service. The peer must present that service's certificate, at any address.

    Calls raise OAuthError: the error that the callee raised, TemporarilyUnavailable if the callee cannot be reached
    within the deadline, ServerError otherwise.

    Args:
        target: host:port or a gRPC target.
        service: the identity of the service, such as "token".
    """
    credentials = grpc.ssl_channel_credentials(
        root_certificates=settings.tls_ca.read_bytes(),
        private_key=settings.tls_key.read_bytes(),
        certificate_chain=settings.tls_certificate.read_bytes(),
    )
    options = [*_OPTIONS, ("grpc.ssl_target_name_override", host_name(service))]
    return grpc.aio.secure_channel(target, credentials, options=options, interceptors=[_ClientInterceptor(service)])


class _ClientInterceptor(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, service: str) -> None:
        self._service = service

    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Any],
        details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        metadata = details.metadata or grpc.aio.Metadata()
        if traceparent := trace.current():
            metadata.add(trace.HEADER, traceparent)
        call_details = grpc.aio.ClientCallDetails(
            method=details.method,
            timeout=DEADLINE_SECONDS if details.timeout is None else details.timeout,
            metadata=metadata,
            credentials=details.credentials,
            wait_for_ready=True,
        )
        call = await continuation(call_details, request)
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, service=self._service) from error

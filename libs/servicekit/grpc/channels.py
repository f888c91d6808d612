"""gRPC client channels: one long-lived channel per target, mutual TLS, a deadline for each call, typed errors."""

import asyncio
from collections.abc import Callable
from typing import Any, Self, cast

import grpc

from libs.servicekit.base import trace
from libs.servicekit.base.settings import ServiceSettings
from libs.servicekit.grpc.certificates import Certificate, CertificateFiles
from libs.servicekit.grpc.errors import from_rpc_error
from libs.servicekit.grpc.identity import host_name

DEADLINE_SECONDS = 5.0
_OPTIONS = (
    ("grpc.lb_policy_name", "round_robin"),
    # A replica that stopped without closing its connections is detected after these two times.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.http2.max_pings_without_data", 0),
    # Resolve the name again as soon as a connection ends; the default minimum interval is 30 seconds.
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    # Reconnect to a restarted service well within the deadline of a pending call.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.enable_http_proxy", 0),
)


def channel(target: str, *, service: str, settings: ServiceSettings) -> grpc.aio.Channel:
    """Return a channel to a service. The peer must present that service's certificate, at any address.

    Calls raise OAuthError: the error that the callee raised, TemporarilyUnavailable if the callee cannot be reached
    within the deadline, ServerError otherwise. New connections use a renewed certificate of this service.

    Args:
        target: host:port or a gRPC target.
        service: the identity of the service, such as "token".

    Raises:
        OSError: the certificate files cannot be used.
    """
    options = [*_OPTIONS, ("grpc.ssl_target_name_override", host_name(service))]

    def connect(certificate: Certificate) -> grpc.aio.Channel:
        credentials = grpc.ssl_channel_credentials(
            root_certificates=certificate.authority,
            private_key=certificate.key,
            certificate_chain=certificate.certificate,
        )
        return grpc.aio.secure_channel(target, credentials, options=options, interceptors=[_ClientInterceptor(service)])

    return cast("grpc.aio.Channel", _RenewedChannel(CertificateFiles(settings), connect))


class _RenewedChannel:
    """A channel that reconnects with a renewed certificate. Open calls finish on the old channel.

    Implements the part of grpc.aio.Channel that stubs and this project use: gRPC cannot change the credentials of a
    channel.
    """

    def __init__(self, files: CertificateFiles, connect: Callable[[Certificate], grpc.aio.Channel]) -> None:
        self._files = files
        self._connect = connect
        self._certificate = files.current
        self._channel = connect(self._certificate)
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def current(self) -> grpc.aio.Channel:
        """The channel for new calls."""
        certificate = self._files.current
        if certificate is not self._certificate:
            retired, self._certificate, self._channel = self._channel, certificate, self._connect(certificate)
            task = asyncio.get_running_loop().create_task(retired.close(2 * DEADLINE_SECONDS))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        return self._channel

    def unary_unary(self, method: str, *args: Any, **options: Any) -> Callable[..., Any]:
        """As grpc.aio.Channel.unary_unary."""
        owner, made = self._channel, self._channel.unary_unary(method, *args, **options)

        def call(*call_args: Any, **call_options: Any) -> Any:
            nonlocal owner, made
            channel = self.current
            if channel is not owner:
                owner, made = channel, channel.unary_unary(method, *args, **options)
            return made(*call_args, **call_options)

        return call

    def unary_stream(self, method: str, *args: Any, **options: Any) -> Any:
        """As grpc.aio.Channel.unary_stream, on the current channel."""
        return self.current.unary_stream(method, *args, **options)

    async def channel_ready(self) -> None:
        """Wait until the channel is connected."""
        await self.current.channel_ready()

    async def close(self, grace: float | None = None) -> None:
        """Close the channel; open calls end after `grace` seconds, at once by default."""
        await self._channel.close(grace)
        for task in tuple(self._closing):
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


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

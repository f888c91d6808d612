"""Calling another service: one long-lived channel per target, mutual TLS, a deadline on every call, typed errors."""

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
    # A replica that stopped without closing its connections is left after these seconds.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.http2.max_pings_without_data", 0),
    # Whenever a connection ends, the name is looked up again at once: gRPC itself waits 30 seconds between look-ups.
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    # A restarted service is found again within a moment, well inside the deadline of a waiting call.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.enable_http_proxy", 0),
)


def channel(target: str, *, service: str, settings: ServiceSettings) -> grpc.aio.Channel:
    """A channel to `service` (an identity such as "token") at `target` (host:port or a gRPC target).

    The peer must show the certificate of that service, whatever its address. A renewed certificate of this service is
    used for the connections that begin afterwards. Calls raise OAuthError: what the callee raised,
    TemporarilyUnavailable when it cannot be reached within the deadline (seconds), ServerError otherwise.

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
        return grpc.aio.secure_channel(target, credentials, options=options, interceptors=[_Caller(service)])

    return cast("grpc.aio.Channel", _RenewedChannel(CertificateFiles(settings), connect))


class _RenewedChannel:
    """A channel that is replaced when the certificate is. Calls under way finish on the channel that they began on.

    It has the part of grpc.aio.Channel that stubs and this project use: gRPC cannot change a channel's credentials.
    """

    def __init__(self, files: CertificateFiles, connect: Callable[[Certificate], grpc.aio.Channel]) -> None:
        self._files = files
        self._connect = connect
        self._certificate = files.current
        self._channel = connect(self._certificate)
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def current(self) -> grpc.aio.Channel:
        """The channel for a call that begins now."""
        certificate = self._files.current
        if certificate is not self._certificate:
            former, self._certificate, self._channel = self._channel, certificate, self._connect(certificate)
            task = asyncio.get_running_loop().create_task(former.close(2 * DEADLINE_SECONDS))
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
        """As grpc.aio.Channel.unary_stream, on the channel of this moment."""
        return self.current.unary_stream(method, *args, **options)

    async def channel_ready(self) -> None:
        """Returns when a call can be sent."""
        await self.current.channel_ready()

    async def close(self, grace: float | None = None) -> None:
        """Ends calls after `grace` seconds, at once by default."""
        await self._channel.close(grace)
        for task in tuple(self._closing):
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _Caller(grpc.aio.UnaryUnaryClientInterceptor):
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

"""gRPC server: mutual TLS, callers restricted by the contract, typed errors, one log line per failure."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor

from latchkey.access.v1 import access_pb2
from libs.oauth.errors import OAuthError, ServerError
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs, trace
from libs.servicekit.base.metrics import RPC_SECONDS
from libs.servicekit.base.service import Registration
from libs.servicekit.base.settings import GrpcSettings
from libs.servicekit.grpc import identity
from libs.servicekit.grpc.certificates import Certificate, CertificateFiles
from libs.servicekit.grpc.errors import to_status

_log = logs.get(__name__)
MAX_CONNECTION_AGE_SECONDS = 20
"""Callers then connect again and look up the name, so that an added replica gets its share within half a minute."""
_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 1024 * 1024),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
)
_Context = Any  # grpc.aio.ServicerContext, which is generic in its stubs only
_Behaviour = Callable[[Any, _Context], Awaitable[Any]]


async def start(settings: GrpcSettings, registrations: Sequence[Registration]) -> tuple[grpc.aio.Server, int]:
    """Start the server and return it with its port.

    Raises:
        OSError: the address is in use.
    """
    age = ("grpc.max_connection_age_ms", MAX_CONNECTION_AGE_SECONDS * 1_000)
    server = grpc.aio.server(interceptors=[_Guard(registrations)], options=[*_OPTIONS, age])
    for registration in registrations:
        registration.add(registration.servicer, server)
    credentials = _credentials(CertificateFiles(settings))
    try:
        port = server.add_secure_port(str(settings.grpc_listen), credentials)
    except RuntimeError:
        port = 0
    if port == 0:
        raise OSError(f"cannot listen on {settings.grpc_listen} (LATCHKEY_GRPC_LISTEN)")
    await server.start()
    return server, port


def _credentials(files: CertificateFiles) -> grpc.ServerCredentials:
    """Credentials that take a renewed certificate for each connection that begins afterwards."""
    used = files.current

    def configuration(certificate: Certificate) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(certificate.key, certificate.certificate)], root_certificates=certificate.authority
        )

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal used
        current = files.current
        if current is used:
            return None
        used = current
        return configuration(current)

    return grpc.dynamic_ssl_server_credentials(
        configuration(used),
        renewed,  # type: ignore[arg-type]  # its documentation permits None: "not changed"
        require_client_authentication=True,
    )


def permitted_callers(method: MethodDescriptor) -> frozenset[str]:
    """Return the identities that may call an RPC; empty: none (protos/latchkey/access/v1/access.proto)."""
    own = method.GetOptions().Extensions[access_pb2.method_callers]
    service = method.containing_service.GetOptions().Extensions[access_pb2.callers]
    return frozenset(own or service)


class _Guard(grpc.aio.ServerInterceptor):
    """Refuses callers that the contract does not list, and converts exceptions of servicers into a status."""

    def __init__(self, registrations: Sequence[Registration]) -> None:
        self._callers = {
            f"/{registration.descriptor.full_name}/{method.name}": permitted_callers(method)
            for registration in registrations
            for method in registration.descriptor.methods
        }

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(details)
        if handler is None or handler.unary_unary is None:
            return None  # an unknown method, or a stream, for which there is no caller check: UNIMPLEMENTED
        permitted = self._callers.get(details.method, frozenset())
        return grpc.unary_unary_rpc_method_handler(
            _guarded(handler.unary_unary, method=details.method, permitted=permitted),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def _guarded(behaviour: _Behaviour, *, method: str, permitted: frozenset[str]) -> _Behaviour:
    timer = RPC_SECONDS.labels(method)

    async def call(request: Any, context: _Context) -> Any:
        trace.begin(_traceparent(context))
        caller = identity.of_peer(context.auth_context())
        if caller not in permitted:
            _log.warning(
                "grpc.caller_refused",
                message="Refused a gRPC call: the caller may not call this method",
                method=method,
                caller=caller,
            )
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "the caller may not call this method")
        try:
            with timer.time():
                return await behaviour(request, context)
        except OAuthError as error:
            await _abort(context, error)
        except grpc.aio.AbortError:
            raise
        except Exception:  # noqa: BLE001 - any other error is logged here, and its text is not sent to the caller
            _log.exception(
                "grpc.call_failed", message="A gRPC call failed with an unexpected error", method=method, caller=caller
            )
            await _abort(context, ServerError(reason=Reason.INTERNAL))

    return call


async def _abort(context: _Context, error: OAuthError) -> None:
    code, message, metadata = to_status(error)
    await context.abort(code, message, trailing_metadata=metadata)


def _traceparent(context: _Context) -> str | None:
    for key, value in context.invocation_metadata() or ():
        if key == trace.HEADER:
            return str(value)
    return None

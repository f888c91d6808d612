"""What a servicer raises is what its caller catches, over real mutual TLS."""

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import status_pb2  # type: ignore[import-untyped]

from latchkey.errors.v1 import errors_pb2
from libs.oauth.errors import BY_CODE, InvalidGrant, OAuthError, ServerError, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base import trace
from libs.servicekit.base.settings import Address
from libs.servicekit.grpc import channels
from libs.servicekit.grpc import server as grpc_server
from libs.servicekit.grpc.errors import from_rpc_error, to_status
from tests.contract.conftest import Connect, Serve, settings_of
from tests.contract.contract import Answer, Servicer, call, methods, nothing, registration

METHOD = next(method for method in methods() if method.name == "GetAccount")
DESCRIPTION = "Every permitted character: !#$%&'()*+,-./0129:;<=>?@AZ[]^_`az{|}~"


@pytest.fixture
def ask(serve: Serve, connect: Connect) -> Any:
    """Calls one method of a service with the given response."""

    async def ask(answer: Answer, **how: Any) -> Any:
        service = METHOD.containing_service
        target = await serve([registration(service, Servicer(service, answer))], identity="authentication")
        return await call(await connect(target, identity="token", service="authentication"), METHOD, **how)

    return ask


def raising(error: Exception) -> Answer:
    async def answer(*_: Any) -> Any:
        raise error

    return answer


@pytest.mark.s(9)
@pytest.mark.parametrize("cls", BY_CODE.values(), ids=lambda cls: cls.__name__)
async def test_every_error_survives_the_wire_with_all_attributes(serve, connect, cls):
    said = [
        cls(),
        cls(""),
        cls(DESCRIPTION, reason=Reason.CODE_EXPIRED, redirectable=False, retry_after=7),
        cls('not "permitted" \\ é \n', reason=Reason.KEY_MISSING, redirectable=True, retry_after=None),
    ]
    waiting = list(said)

    async def answer(*_: Any) -> Any:
        raise waiting.pop(0)

    service = METHOD.containing_service
    target = await serve([registration(service, Servicer(service, answer))], identity="authentication")
    channel = await connect(target, identity="token", service="authentication")
    for error in said:
        with pytest.raises(OAuthError) as caught:
            await call(channel, METHOD)
        assert type(caught.value) is cls
        assert vars(caught.value) == vars(error)
        assert str(caught.value) == str(error)
        assert not set(caught.value.description) & set('"\\é\n')


@pytest.mark.s(60)
async def test_unexpected_exception_is_server_error_without_its_text(serve, tls):
    service = METHOD.containing_service
    servicer = Servicer(service, raising(ValueError("hunter2 in SELECT secret FROM users")))
    target = await serve([registration(service, servicer)], identity="authentication")
    credentials = grpc.ssl_channel_credentials(
        (tls / "ca.pem").read_bytes(), (tls / "token.key").read_bytes(), (tls / "token.pem").read_bytes()
    )
    options = [("grpc.ssl_target_name_override", "authentication.latchkey.internal")]
    async with grpc.aio.secure_channel(target, credentials, options=options) as plain:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(plain, METHOD)
    error = caught.value
    wire = repr((error.details(), list(error.initial_metadata()), list(error.trailing_metadata())))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert error.details() == "server_error"
    assert not any(word in wire for word in ("hunter2", "SELECT", "ValueError", "Traceback", "users"))
    revived = from_rpc_error(error, service="authentication")
    assert isinstance(revived, ServerError)
    assert (revived.reason, revived.description) == ("INTERNAL", ServerError.default_description)


@pytest.mark.s(63)
async def test_hanging_callee_is_temporarily_unavailable_within_the_deadline(ask):
    async def hang(*_: Any) -> Any:
        await asyncio.Event().wait()

    with pytest.raises(TemporarilyUnavailable) as caught:
        await ask(hang, timeout=0.2)
    assert caught.value.reason == "AUTHENTICATION_UNREACHABLE"
    assert caught.value.retry_after


@pytest.mark.s(63)
async def test_call_without_a_deadline_gets_the_default(ask, monkeypatch):
    async def hang(*_: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(channels, "DEADLINE_SECONDS", 0.2)
    async with asyncio.timeout(3):
        with pytest.raises(TemporarilyUnavailable):
            await ask(hang)


@pytest.mark.s(66)
async def test_unreachable_callee_is_temporarily_unavailable(connect):
    channel = await connect("127.0.0.1:1", identity="token", service="key-rotation")
    with pytest.raises(TemporarilyUnavailable) as caught:
        await call(channel, METHOD, timeout=0.2)
    assert caught.value.reason == "KEY_ROTATION_UNREACHABLE"


@pytest.mark.s(66)
async def test_callee_that_stops_during_a_call_is_temporarily_unavailable(tls, connect):

    called = asyncio.Event()

    async def hang(*_: Any) -> Any:
        called.set()
        await asyncio.Event().wait()

    service = METHOD.containing_service
    server, port = await grpc_server.start(
        settings_of("authentication", tls), [registration(service, Servicer(service, hang))]
    )
    channel = await connect(f"127.0.0.1:{port}", identity="token", service="authentication")
    answer = asyncio.ensure_future(call(channel, METHOD))
    await called.wait()
    await server.stop(0)
    with pytest.raises(TemporarilyUnavailable):
        await answer


async def test_pending_call_succeeds_when_the_callee_restarts(tls, connect):

    service = METHOD.containing_service
    settings = settings_of("authentication", tls)
    server, port = await grpc_server.start(settings, [registration(service, Servicer(service, nothing))])
    channel = await connect(f"127.0.0.1:{port}", identity="token", service="authentication")
    await call(channel, METHOD)
    await server.stop(0)
    waiting = asyncio.ensure_future(call(channel, METHOD))
    again = settings.model_copy(update={"grpc_listen": Address("127.0.0.1", port)})
    server, _ = await grpc_server.start(again, [registration(service, Servicer(service, nothing))])
    await waiting
    await server.stop(0)


async def test_an_unknown_method_is_server_error(serve, connect):
    service = METHOD.containing_service
    target = await serve([], identity="authentication")
    channel = await connect(target, identity="token", service="authentication")
    with pytest.raises(ServerError) as caught:
        await call(channel, service.methods[0])
    assert caught.value.reason == "AUTHENTICATION_UNIMPLEMENTED"


async def test_callee_continues_the_trace(ask):
    received = []

    async def answer(*_: Any) -> Any:
        received.append(trace.current_id())
        raise InvalidGrant

    mine = trace.begin()
    with pytest.raises(InvalidGrant):
        await ask(answer)
    assert received == [mine]


@pytest.mark.parametrize(
    "detail",
    [
        b"\xff\xff\xff",
        "text",
        status_pb2.Status().SerializeToString(),
        status_pb2.Status(details=[any_pb2.Any(type_url="type.googleapis.com/other.Message")]).SerializeToString(),
        status_pb2.Status(
            details=[any_pb2.Any(type_url="type.googleapis.com/latchkey.errors.v1.OAuthErrorDetail", value=b"\xff")]
        ).SerializeToString(),
    ],
    ids=["rubbish", "text", "empty", "foreign", "broken"],
)
def test_malformed_error_details_are_server_error(detail):
    error = grpc.aio.AioRpcError(
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.aio.Metadata(),
        grpc.aio.Metadata(("grpc-status-details-bin", detail)),
    )
    revived = from_rpc_error(error, service="token")
    assert type(revived) is ServerError
    assert revived.reason == "TOKEN_FAILED"


def test_unknown_error_code_is_server_error():
    packed = any_pb2.Any()
    packed.Pack(errors_pb2.OAuthErrorDetail(error="made_up", description="x"))
    error = grpc.aio.AioRpcError(
        grpc.StatusCode.INTERNAL,
        grpc.aio.Metadata(),
        grpc.aio.Metadata(("grpc-status-details-bin", status_pb2.Status(details=[packed]).SerializeToString())),
    )
    assert type(from_rpc_error(error, service="token")) is ServerError


@pytest.mark.parametrize("cls", BY_CODE.values(), ids=lambda cls: cls.__name__)
def test_no_oauth_error_uses_the_status_of_an_unreachable_callee(cls):
    code, message, _ = to_status(cls("hunter2"))
    assert code not in {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
    assert message == cls.error

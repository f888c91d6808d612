"""Services that the contract does not have, and that a careless change could bring: the guard fails closed."""

from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor

from libs.oauth.errors import ServerError
from libs.servicekit.base.service import Registration
from libs.servicekit.grpc.server import permitted_callers
from tests.contract.contract import Servicer, call, nothing
from tests.support.mutual_tls import IDENTITIES

pytestmark = pytest.mark.s(63)


def odd_service(**method: Any) -> ServiceDescriptor:
    """made_up.Odd with the method Do and no option at all."""
    file = descriptor_pb2.FileDescriptorProto(name="made_up.proto", package="made_up", syntax="proto3")
    file.message_type.add(name="Nothing")
    file.service.add(name="Odd").method.add(
        name="Do", input_type=".made_up.Nothing", output_type=".made_up.Nothing", **method
    )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindServiceByName("made_up.Odd")


def registered(descriptor: ServiceDescriptor, servicer: Servicer, handler: Any) -> Registration:
    def add(of: Any, server: grpc.aio.Server) -> None:
        handlers = {"Do": handler(of.Do)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(descriptor.full_name, handlers),))

    return Registration(add, servicer, descriptor)


async def test_service_without_callers_refuses_every_caller(serve, connect):
    descriptor = odd_service()
    assert permitted_callers(descriptor.methods[0]) == frozenset()
    servicer = Servicer(descriptor, nothing)
    target = await serve([registered(descriptor, servicer, grpc.unary_unary_rpc_method_handler)])
    for identity in IDENTITIES:
        with pytest.raises(ServerError) as refusal:
            await call(await connect(target, identity=identity), descriptor.methods[0])
        assert refusal.value.reason == "TOKEN_PERMISSION_DENIED"
    assert servicer.called == []


async def test_streaming_method_is_unimplemented(serve, connect):
    descriptor = odd_service(server_streaming=True)
    servicer = Servicer(descriptor, nothing)
    target = await serve([registered(descriptor, servicer, grpc.unary_stream_rpc_method_handler)])
    channel = await connect(target, identity="cli")
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        [answer async for answer in channel.unary_stream("/made_up.Odd/Do")(b"")]
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert servicer.called == []

"""The contract as it is written: the descriptors of protos/ with the comments, which generated code no longer has."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)
from grpc_tools import protoc  # type: ignore[import-untyped]

from docs.generate.sources import ROOT, SourceError
from latchkey.access.v1 import access_pb2
from latchkey.events.v1 import events_pb2

_MESSAGE, _ENUM, _SERVICE = (
    FileDescriptorProto.MESSAGE_TYPE_FIELD_NUMBER,
    FileDescriptorProto.ENUM_TYPE_FIELD_NUMBER,
    FileDescriptorProto.SERVICE_FIELD_NUMBER,
)
_FIELD = DescriptorProto.FIELD_FIELD_NUMBER
_VALUE = EnumDescriptorProto.VALUE_FIELD_NUMBER
_METHOD = ServiceDescriptorProto.METHOD_FIELD_NUMBER


@dataclass(frozen=True)
class Field:
    name: str
    comment: str
    descriptor: FieldDescriptorProto = field(repr=False)


@dataclass(frozen=True)
class Message:
    name: str
    comment: str
    fields: Sequence[Field]
    event: events_pb2.EventOptions | None
    """How it appears on the bus; None for a message that is no event."""


@dataclass(frozen=True)
class EnumValue:
    name: str
    comment: str


@dataclass(frozen=True)
class Rpc:
    name: str
    comment: str
    callers: Sequence[str]
    """Identities that may call it; its own, otherwise the service's."""


@dataclass(frozen=True)
class RpcService:
    package: str
    name: str
    comment: str
    rpcs: Sequence[Rpc]


class ProtoFile:
    """One .proto file. Comments are the lines right above what they are about."""

    def __init__(self, descriptor: FileDescriptorProto) -> None:
        self._descriptor = descriptor
        self._comments = {
            tuple(location.path): " ".join(location.leading_comments.split())
            for location in descriptor.source_code_info.location
            if location.leading_comments
        }

    def messages(self) -> Iterator[Message]:
        for index, message in enumerate(self._descriptor.message_type):
            options = message.options
            yield Message(
                name=message.name,
                comment=self._comment(_MESSAGE, index),
                fields=[
                    Field(one.name, self._comment(_MESSAGE, index, _FIELD, number), one)
                    for number, one in enumerate(message.field)
                ],
                event=options.Extensions[events_pb2.event] if options.HasExtension(events_pb2.event) else None,
            )

    def enum(self, name: str) -> list[EnumValue]:
        """The values of an enum of this file, without the one that says nothing."""
        for index, enum in enumerate(self._descriptor.enum_type):
            if enum.name == name:
                return [
                    EnumValue(value.name, self._comment(_ENUM, index, _VALUE, number))
                    for number, value in enumerate(enum.value)
                    if value.number
                ]
        raise SourceError(f"protos/{self._descriptor.name} has no enum {name}")

    def services(self) -> Iterator[RpcService]:
        for index, service in enumerate(self._descriptor.service):
            for_all = service.options.Extensions[access_pb2.callers]
            yield RpcService(
                package=self._descriptor.package,
                name=service.name,
                comment=self._comment(_SERVICE, index),
                rpcs=[
                    Rpc(
                        name=rpc.name,
                        comment=self._comment(_SERVICE, index, _METHOD, number),
                        callers=list(rpc.options.Extensions[access_pb2.method_callers] or for_all),
                    )
                    for number, rpc in enumerate(service.method)
                ],
            )

    def _comment(self, *path: int) -> str:
        return self._comments.get(path, "")


@cache
def load() -> dict[str, ProtoFile]:
    """Every file of protos/, by its path there, in order.

    Raises:
        SourceError: the protos do not compile; the compiler has said why on standard error.
    """
    protos = ROOT / "protos"
    paths = sorted(path.relative_to(protos).as_posix() for path in protos.glob("latchkey/**/*.proto"))
    with tempfile.TemporaryDirectory() as folder, as_file(files("grpc_tools") / "_proto") as well_known:
        image = Path(folder) / "image"
        where = [f"--proto_path={protos}", f"--proto_path={well_known}", f"--descriptor_set_out={image}"]
        if protoc.main(["protoc", *where, "--include_source_info", *paths]):
            raise SourceError("protos/ does not compile")
        descriptors = FileDescriptorSet.FromString(image.read_bytes())
    return {descriptor.name: ProtoFile(descriptor) for descriptor in descriptors.file}

"""The whole contract as the generated code has it, and servicers that answer all of it."""

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any

import grpc
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

import latchkey
from libs.servicekit.base.service import Registration

Answer = Callable[[MethodDescriptor, Any], Awaitable[Any]]


@cache
def _modules() -> dict[str, ModuleType]:
    names = sorted(module.name for module in pkgutil.walk_packages(latchkey.__path__, "latchkey."))
    return {name: importlib.import_module(name) for name in names if name.endswith(("_pb2", "_pb2_grpc"))}


def files() -> list[Any]:
    """Descriptors of all proto files."""
    return [module.DESCRIPTOR for name, module in _modules().items() if name.endswith("_pb2")]


def services() -> list[ServiceDescriptor]:
    return [service for file in files() for service in file.services_by_name.values()]


def methods() -> list[MethodDescriptor]:
    return [method for service in services() for method in service.methods]


def path_of(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


async def nothing(method: MethodDescriptor, _request: Any) -> Message:
    """The empty answer."""
    return GetMessageClass(method.output_type)()


class Servicer:
    """Answers every method of a service with `answer`, and remembers what was called."""

    def __init__(self, service: ServiceDescriptor, answer: Answer) -> None:
        self._methods = service.methods_by_name
        self._answer = answer
        self.called: list[str] = []

    def __getattr__(self, name: str) -> Callable[[Any, Any], Awaitable[Any]]:
        if name not in self._methods:
            raise AttributeError(name)

        async def behaviour(request: Any, _context: Any) -> Any:
            self.called.append(name)
            return await self._answer(self._methods[name], request)

        return behaviour


def registration(service: ServiceDescriptor, servicer: object) -> Registration:
    """With the generated code's own function."""
    module = _modules()[service.file.name.removesuffix(".proto").replace("/", ".") + "_pb2_grpc"]
    return Registration(getattr(module, f"add_{service.name}Servicer_to_server"), servicer, service)


def all_registrations(answer: Answer = nothing) -> list[Registration]:
    return [registration(service, Servicer(service, answer)) for service in services()]


async def call(
    channel: grpc.aio.Channel, method: MethodDescriptor, request: Message | None = None, **how: Any
) -> Message:
    """Calls a method by its descriptor."""
    request_type, response_type = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
    stub = channel.unary_unary(
        path_of(method),
        request_serializer=request_type.SerializeToString,
        response_deserializer=response_type.FromString,
    )
    answer: Message = await stub(request_type() if request is None else request, **how)
    return answer


def filled(message: Message, text: str, number: int = 7, *, seen: tuple[str, ...] = ()) -> Message:
    """The message with every field set: texts to `text`, numbers to `number`, messages to filled ones."""
    for field in message.DESCRIPTOR.fields:
        if field.message_type and field.message_type.full_name in seen:
            continue
        _fill(message, field, text, number, seen=(*seen, message.DESCRIPTOR.full_name))
    return message


def _fill(message: Message, field: Any, text: str, number: int, *, seen: tuple[str, ...]) -> None:
    values = getattr(message, field.name)
    if field.message_type and field.message_type.GetOptions().map_entry:
        values["key"]  # a map of messages makes the entry when it is read
        filled(values["key"], text, number, seen=seen)
    elif field.message_type:
        filled(values.add() if field.is_repeated else values, text, number, seen=seen)
        if not field.is_repeated:
            values.SetInParent()
    elif field.is_repeated:
        values.append(_scalar(field, text, number))
    else:
        setattr(message, field.name, _scalar(field, text, number))


def _scalar(field: Any, text: str, number: int) -> Any:
    if field.enum_type:
        return field.enum_type.values[:2][-1].number  # the first that says something
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text
    return field.cpp_type == FieldDescriptor.CPPTYPE_BOOL or number


def fields_with(option: Any) -> Iterator[FieldDescriptor]:
    """Fields of all messages that carry the (boolean) option."""
    for file in files():
        for message in _all_messages(file.message_types_by_name.values()):
            yield from (field for field in message.fields if field.GetOptions().Extensions[option])


def _all_messages(messages: Any) -> Iterator[Any]:
    for message in messages:
        yield message
        yield from _all_messages(message.nested_types)

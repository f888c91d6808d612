"""What a composition root hands over: the parts of a service that the process then runs."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from aiohttp import web
from google.protobuf.descriptor import ServiceDescriptor


@dataclass(frozen=True)
class Registration:
    """One gRPC service: its generated `add_…Servicer_to_server`, the servicer, its descriptor (for who may call)."""

    add: Callable[[Any, grpc.aio.Server], None]
    servicer: object
    descriptor: ServiceDescriptor


@dataclass(frozen=True)
class CheckResult:
    """How one thing that a service depends on is doing. What is not `required` warns and never makes it unready."""

    ok: bool
    detail: str = ""
    required: bool = True


Check = Callable[[], Awaitable[CheckResult]]
Task = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Service:
    servicers: Sequence[Registration] = ()
    edge: web.Application | None = None
    tasks: Mapping[str, Task] = field(default_factory=dict)
    """Run until cancelled; the first that fails stops the process."""
    checks: Mapping[str, Check] = field(default_factory=dict)

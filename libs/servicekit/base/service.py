"""The parts of a service that its process runs: gRPC services, HTTP edge, background tasks, health checks."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from aiohttp import web
from google.protobuf.descriptor import ServiceDescriptor

CHECK_SECONDS = 2.0
"""Timeout of a health check."""


@dataclass(frozen=True)
class Registration:
    """One gRPC service: generated `add_…Servicer_to_server`, servicer, and descriptor with the permitted callers."""

    add: Callable[[Any, grpc.aio.Server], None]
    servicer: object
    descriptor: ServiceDescriptor


@dataclass(frozen=True)
class CheckResult:
    """State of one dependency of a service. A failed check that is not `required` does not make the service unready."""

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
    """Background tasks; they run until cancelled. The process stops when one fails."""
    checks: Mapping[str, Check] = field(default_factory=dict)

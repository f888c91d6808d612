"""Life cycle of a service process: start in order, run until a signal or a failure, stop in order.

The first SIGTERM or SIGINT makes the process unready; it accepts no new requests and finishes the open ones. It exits
at once on the second signal, and after `shutdown_seconds`.
"""

import asyncio
import gc
import os
import signal
import ssl
import sys
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from typing import Any, NoReturn

import uvloop
from aiohttp import web

from libs.servicekit.base import logs
from libs.servicekit.base.service import Service, Task
from libs.servicekit.base.settings import (
    Address,
    ConfigurationError,
    DatabaseSettings,
    GrpcSettings,
    HttpEdgeSettings,
    ServiceSettings,
    SettingsT,
    load,
)
from libs.servicekit.grpc import server as grpc_server
from libs.servicekit.grpc.certificates import CertificateCheck, CertificateFiles
from libs.servicekit.http.edge_server import Connections, EdgeSite, remove_server_header
from libs.servicekit.http.edge_tls import EdgeTls
from libs.servicekit.process import ops
from libs.servicekit.sql import migrations

Build = Callable[[SettingsT], AbstractAsyncContextManager[Service]]
CONFIGURATION_EXIT_CODE = 2
OPS_CONNECTIONS = 100
_log = logs.get(__name__)


def main(name: str, settings_type: type[SettingsT], build: Build[SettingsT]) -> NoReturn:
    """Run the service, or with the argument `migrate` apply pending database migrations and exit.

    Exit codes: 0 after a signal or a migration, 1 if the service could not start or failed, 2 for invalid settings or
    arguments.
    """
    try:
        settings = load(settings_type)
        work = _work(sys.argv[1:], name, settings, build)
    except ConfigurationError as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201 - logs are not configured yet
        sys.exit(CONFIGURATION_EXIT_CODE)
    logs.configure(name, level=settings.log_level, style=settings.log_format)
    gc.freeze()  # imported modules are never released: exclude them from garbage collection
    gc.enable()
    try:
        uvloop.run(work)
    except (OSError, migrations.PendingMigrations, ConfigurationError) as error:
        _log.error("process.start_failed", message="Service could not start", cause=str(error) or type(error).__name__)
    except BaseExceptionGroup as failures:
        for failure in failures.exceptions:
            _log.error("process.task_failed", message="Background task of the service failed", exc_info=failure)
    except Exception as error:  # noqa: BLE001 - every failure has to be in the log
        _log.error("process.failed", message="Service failed", exc_info=error)
    else:
        sys.exit(0)
    sys.exit(1)


def _work(arguments: list[str], name: str, settings: SettingsT, build: Build[SettingsT]) -> Coroutine[Any, Any, None]:
    if not arguments:
        return serve(name, settings, build)
    if arguments == ["migrate"] and isinstance(settings, DatabaseSettings):
        return migrations.migrate(settings, service=name)
    raise ConfigurationError(f"unknown arguments: {' '.join(arguments)}; use `migrate`, or none to serve")


async def serve(name: str, settings: SettingsT, build: Build[SettingsT]) -> None:
    """Run the service until a signal or the first failure of one of its tasks.

    Raises:
        OSError: an address is in use.
        ExceptionGroup: a task failed, or ended without a signal.
    """
    stop = _stop_signal()
    async with AsyncExitStack() as stack, AsyncExitStack() as listeners:
        service = await stack.enter_async_context(build(settings))
        certificate = CertificateCheck(CertificateFiles(settings))
        service = replace(service, checks={**service.checks, "certificate": certificate.check})
        health = ops.Health(name, service)
        await _listen(
            stack,
            ops.application(health),
            settings.ops_listen,
            "LATCHKEY_OPS_LISTEN",
            connections=Connections(limit=OPS_CONNECTIONS, per_address=OPS_CONNECTIONS),
        )
        own = await _start_listeners(listeners, service, settings)
        listeners.callback(_begin_to_stop, health)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(task(), name=label) for label, task in {**service.tasks, **own}.items()]
            _log.info("process.serving", message="Service accepts requests")
            await _wait_for_stop(stop, tasks)
            await listeners.aclose()
            for task in tasks:
                task.cancel()


def _begin_to_stop(health: ops.Health) -> None:
    health.stopping = True
    _log.info("process.stopping", message="Service is stopping")


async def _start_listeners(stack: AsyncExitStack, service: Service, settings: ServiceSettings) -> dict[str, Task]:
    """Start the listeners; return the background tasks that they need."""
    own: dict[str, Task] = {}
    if service.servicers and isinstance(settings, GrpcSettings):
        server, _ = await grpc_server.start(settings, service.servicers)
        stack.push_async_callback(server.stop, grace=settings.shutdown_seconds)
    if service.edge is not None and isinstance(settings, HttpEdgeSettings):
        tls = EdgeTls.of(settings)
        if tls is not None:
            own["edge-tls"] = tls.run
        await _listen(
            stack,
            service.edge,
            settings.http_listen,
            "LATCHKEY_HTTP_LISTEN",
            connections=Connections(
                limit=settings.http_max_connections,
                per_address=settings.http_max_connections_per_address,
                trusted_proxies=settings.trusted_proxies,
            ),
            grace=settings.shutdown_seconds,
            tls=tls.context if tls else None,
        )
    return own


async def _listen(
    stack: AsyncExitStack,
    app: web.Application,
    address: Address,
    variable: str,
    *,
    connections: Connections,
    grace: float = 1.0,
    tls: ssl.SSLContext | None = None,
) -> None:
    app.on_response_prepare.append(remove_server_header)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=grace)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await EdgeSite(runner, address.host, address.port, connections=connections, tls=tls).start()
    except OSError as error:
        raise OSError(f"cannot listen on {address} ({variable}): {error.strerror}") from error


async def _wait_for_stop(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Wait for the signal. A task that ends before it is a failure, even without an exception."""
    waiting = asyncio.create_task(stop.wait())
    try:
        ended, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if waiting not in ended:
        raise RuntimeError(f"task ended unexpectedly: {', '.join(task.get_name() for task in ended)}")


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    return stop

"""One process of one service: start in order, run until told to stop or until a part fails, stop in order.

First signal: unready, no new work, what has begun is finished. Second signal or `shutdown_seconds`: out.
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
    """`python -m services.<name>` serves; `python -m services.<name> migrate` applies migrations and ends.

    Exit code: 0 when it was told to end and did, 1 when it cannot start or a part failed, 2 when it was told nonsense.
    """
    try:
        settings = load(settings_type)
        work = _work(sys.argv[1:], name, settings, build)
    except ConfigurationError as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201 - there is no log yet
        sys.exit(CONFIGURATION_EXIT_CODE)
    logs.configure(name, level=settings.log_level, style=settings.log_format)
    gc.freeze()  # what has been imported stays for good: the collector need not look at it
    gc.enable()
    try:
        uvloop.run(work)
    except (OSError, migrations.PendingMigrations, ConfigurationError) as error:
        _log.error("The service cannot start", cause=str(error) or type(error).__name__)
    except BaseExceptionGroup as failures:
        for failure in failures.exceptions:
            _log.error("A part of the service failed", exc_info=failure)
    except Exception as error:  # noqa: BLE001 - whatever it is: in the log, and not past it
        _log.error("The service failed", exc_info=error)
    else:
        sys.exit(0)
    sys.exit(1)


def _work(arguments: list[str], name: str, settings: SettingsT, build: Build[SettingsT]) -> Coroutine[Any, Any, None]:
    if not arguments:
        return serve(name, settings, build)
    if arguments == ["migrate"] and isinstance(settings, DatabaseSettings):
        return migrations.migrate(settings, service=name)
    raise ConfigurationError(f"cannot {' '.join(arguments)}; without arguments it serves")


async def serve(name: str, settings: SettingsT, build: Build[SettingsT]) -> None:
    """Runs the service until a signal or the first failure of one of its tasks.

    Raises:
        OSError: an address is taken.
        ExceptionGroup: a task failed, or ended by itself.
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
        own = await _open(listeners, service, settings)
        listeners.callback(_begin_to_stop, health)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(task(), name=label) for label, task in {**service.tasks, **own}.items()]
            _log.info("Serving")
            await _until(stop, tasks)
            await listeners.aclose()
            for task in tasks:
                task.cancel()


def _begin_to_stop(health: ops.Health) -> None:
    health.stopping = True
    _log.info("Stopping")


async def _open(stack: AsyncExitStack, service: Service, settings: ServiceSettings) -> dict[str, Task]:
    """Listens; returns what has to run for that."""
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


async def _until(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Waits for the signal; a task that ends before is a failure, with or without an error of its own."""
    waiting = asyncio.create_task(stop.wait())
    try:
        ended, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if waiting not in ended:
        raise RuntimeError(f"ended by itself: {', '.join(task.get_name() for task in ended)}")


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

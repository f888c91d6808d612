"""Runs NATS and all services as processes for tests, on free ports, with their own home folder.

    async def test_something(stack):
        async with stack.channel("token") as channel: ...
        stack.kill("token")
        stack.start("token")

`stack` and `postgresql_stack` are shared by all tests of a worker: create separate clients and users, and leave every
service running. A test that needs its own stack uses `with running_stack(tmp_path) as stack`.
"""

import asyncio
import os
import random
import signal
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.local import demo, programs, readiness
from deploy.local.layout import Layout
from deploy.local.ports import PortProblemError, Ports
from deploy.local.run_file import write_run_file
from deploy.local.supervision import process
from deploy.local.supervision.process import Child
from deploy.provision.home import Home, read_json
from deploy.provision.topology import HOST, NATS, SERVICE_NAMES

if TYPE_CHECKING:
    import grpc

READY_SECONDS = 45.0
_POLL_SECONDS = 0.02
_BLOCK = 250
"""Size of the port block of a stack. Blocks end below the ephemeral ports of the system."""
_FIRST_PORT, _LAST_PORT = 10_000, 32_000


class StackError(AssertionError):
    """The stack does not start or a program ended; the message contains the ends of the logs."""


class Stack:
    """A running system. Names of programs: "nats", and the identities of the services."""

    def __init__(self, layout: Layout, children: Sequence[Child]) -> None:
        self.layout = layout
        self._children = {child.program.name: child for child in children}
        # A program ends with the thread that started it (deploy/local/supervision/pdeathsig_exec.py), so that all are
        # started by one thread that lives as long as the stack, whichever thread restarts them.
        self._starter = ThreadPoolExecutor(max_workers=1)

    @property
    def issuer(self) -> str:
        return self.layout.issuer

    @property
    def client_edge(self) -> str:
        return self.layout.client_edge

    @property
    def nats_url(self) -> str:
        return self.layout.nats_url

    def ops(self, service: str) -> str:
        """Base URL of the health and metrics endpoints of a service."""
        return f"http://{self.layout.ports.ops[service].address}"

    def creds(self, user: str = "subscriber") -> str:
        """Path of the NATS credentials file of a service, "cli" or "subscriber"."""
        return str(self.layout.home.creds(user))

    def channel(self, service: str, *, identity: str = "cli") -> "grpc.aio.Channel":
        """A gRPC channel to a service with the certificate of `identity`; the caller closes it. Calls raise OAuthError."""
        from deploy.local.admin_channel import open_channel  # noqa: PLC0415 - gRPC is not for every test run

        return open_channel(self.layout, service, identity=identity)

    @property
    def users(self) -> dict[str, str]:
        """Username -> password of the demo users."""
        return {username: password for username, (password, _) in demo.USERS.items()}

    @property
    def clients(self) -> Mapping[str, Mapping[str, str]]:
        """The demo clients by the names in demo.clients: client_id, client_secret, redirect_uri."""
        known: Mapping[str, Mapping[str, str]] = read_json(self.layout.home.playground_file)
        return known

    def log(self, program: str) -> str:
        """The log of a program so far."""
        return self._children[program].program.log.read_text(encoding="utf-8", errors="replace")

    def pid(self, program: str) -> int | None:
        return self._children[program].pid

    def another(self, service: str, **environment: str) -> Child:
        """A further replica of a service, not started, with its own log; `environment` sets its listen addresses."""
        program = self._children[service].program
        log = program.log.with_stem(f"{service}-another")
        return Child(replace(program, environment={**program.environment, **environment}, log=log))

    def kill(self, *names: str) -> None:
        """Ends programs with SIGKILL; they have ended when this returns."""
        for name in names:
            self._children[name].kill()

    def terminate(self, *names: str) -> None:
        """Ends programs with SIGTERM and waits up to 10 seconds."""
        process.stop([self._children[name] for name in names], seconds=10)

    def pause(self, name: str) -> None:
        """Pauses a program with SIGSTOP: it keeps its connections and does not respond until `resume`."""
        self._children[name].send(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self._children[name].send(signal.SIGCONT)

    def start(self, *names: str) -> None:
        """Starts ended programs with the same ports, data and environment, and waits until all services are ready."""
        for name in names:
            self._starter.submit(self._children[name].start).result()
        write_run_file(self.layout, self._children.values())
        self.wait_until_ready()

    def restart(self, *names: str) -> None:
        self.kill(*names)
        self.start(*names)

    def wait_until_ready(self, *, seconds: float = READY_SECONDS) -> None:
        """Returns when every running service is ready and reports no warning.

        Raises:
            StackError: the services are not ready in time, or a program ended.
        """
        deadline = time.monotonic() + seconds
        while troubles := self._troubles():
            if time.monotonic() > deadline:
                raise StackError(f"not ready after {seconds:g} s: {troubles}\n{self._logs(troubles)}")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        process.stop([self._children[name] for name in SERVICE_NAMES], seconds=5)
        process.stop([self._children[NATS]], seconds=5)
        self._starter.shutdown()

    def _troubles(self) -> dict[str, str]:
        ended = {name: child.ending for name, child in self._children.items() if child.failed}
        if ended:
            raise StackError(f"ended: {ended}\n{self._logs(ended)}")
        running = {name for name in SERVICE_NAMES if self._children[name].alive}
        calm = self._children[NATS].alive and running == set(SERVICE_NAMES)
        troubles = readiness.troubles(self.layout.ports, calm=calm)
        return {name: trouble for name, trouble in troubles.items() if name in running}

    def _logs(self, names: Mapping[str, str]) -> str:
        return "\n".join(f"--- {name}\n" + "\n".join(self.log(name).splitlines()[-20:]) for name in names)


@contextmanager
def running_stack(
    folder: Path,
    *,
    database_url: str | None = None,
    environment: Mapping[str, str] | None = None,
    seeded: bool = True,
    through: str = "",
) -> Iterator[Stack]:
    """Starts NATS and all services with their state in `folder`, and stops them after the block.

    Args:
        database_url: the URL of an empty PostgreSQL database; None uses SQLite files in `folder`.
        environment: further variables for every service, for example LATCHKEY_BRAND_NAME.
        seeded: whether to create the demo users and clients of the development run.
        through: a module that runs each service, given its module name, for example tests.support.fast_clock.
    """
    inherited = {**_plain_environment(), **(environment or {})}
    with free_ports() as variables:
        layout = Layout(Home(folder), Ports.of(variables), database_url)
        layout.prepare(now=datetime.now(UTC))
        stack = Stack(layout, [Child(_run(each, through)) for each in programs.core(layout, inherited=inherited)])
        try:
            stack.start(NATS, *SERVICE_NAMES)
            if seeded:
                _seed(layout)
            yield stack
        finally:
            stack.stop()


def _run(program: process.Program, through: str) -> process.Program:
    if not through or program.name == NATS:
        return program
    interpreter, flag, module = program.command
    return replace(program, command=[interpreter, flag, through, module])


def _plain_environment() -> dict[str, str]:
    """The environment without the LATCHKEY_ variables of a developer."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LATCHKEY_")}


def _seed(layout: Layout) -> None:
    from deploy.local.seed import seed  # noqa: PLC0415 - as above

    asyncio.run(seed(layout))


@contextmanager
def free_ports() -> Iterator[dict[str, str]]:
    """Variables for free ports. A listener on the first port of the block keeps other stacks from using the block."""
    blocks = list(range(_FIRST_PORT, _LAST_PORT, _BLOCK))
    random.shuffle(blocks)
    for base in blocks:
        try:
            guard = socket.create_server((HOST, base), reuse_port=False)
        except OSError:
            continue
        with guard:
            variables = _variables(base)
            try:
                Ports.of(variables).check_free()
            except PortProblemError:
                continue
            yield variables
            return
    raise StackError("no free ports")


def _variables(base: int) -> dict[str, str]:
    return {
        "LATCHKEY_BROWSER_PORT": str(base + 1),
        "LATCHKEY_CLIENT_PORT": str(base + 2),
        "LATCHKEY_PLAYGROUND_PORT": str(base + 3),
        "LATCHKEY_EVENTS_PORT": str(base + 6),
        "LATCHKEY_NATS_PORT": str(base + 4),
        "LATCHKEY_MAIL_PORT": str(base + 5),
        "LATCHKEY_INTERNAL_PORT_OFFSET": str(base + 10 - 9081),
    }


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The system on SQLite."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="session")
def postgresql_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The system on PostgreSQL, one schema for each service."""
    from tests.support.databases import fresh_url  # noqa: PLC0415 - it takes a while to import

    folder = tmp_path_factory.mktemp("postgresql-stack")
    with asyncio.Runner() as runner:
        database = fresh_url("postgresql", folder=folder)
        url = runner.run(database.__aenter__())
        try:
            with running_stack(folder, database_url=url) as running:
                yield running
        finally:
            runner.run(database.__aexit__(None, None, None))

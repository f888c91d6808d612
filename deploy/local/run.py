"""One run from start to stop: NATS, services, demo data, playground, supervision."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from deploy.local import banner, programs, readiness
from deploy.local.layout import Layout
from deploy.local.run_file import remove_run_file, write_run_file
from deploy.local.supervision.supervisor import StartFailedError, StoppedError, Supervisor
from deploy.provision.console import say

READY_SECONDS = 60.0
CALM_SECONDS = 5.0
PLAYGROUND_SECONDS = 10.0


def run(layout: Layout, supervisor: Supervisor, *, inherited: Mapping[str, str]) -> None:
    """Runs until it is stopped. `inherited`: environment variables that are passed on to programs.

    Raises:
        StartFailedError: it did not get ready.
        NatsServerMissingError: nats-server is not installed.
    """
    began = time.monotonic()
    layout.prepare(now=datetime.now(UTC))
    core = programs.core(layout, inherited=inherited)
    try:
        with supervisor:
            supervisor.start(core)
            _wait_for_services(supervisor, layout)
            _seed(layout)
            write_run_file(layout, supervisor.children)
            has_playground = _start_playground(supervisor, layout, inherited)
            write_run_file(layout, supervisor.children)
            say(banner.ready(layout, playground=has_playground, seconds=time.monotonic() - began))
            supervisor.run_until_stopped(on_change=lambda: write_run_file(layout, supervisor.children))
    except StoppedError:
        say("latchkey: stopped")
    finally:
        remove_run_file(layout)


def _wait_for_services(supervisor: Supervisor, layout: Layout) -> None:
    left = supervisor.wait_until(lambda: readiness.troubles(layout.ports, calm=False), seconds=READY_SECONDS)
    if left:
        lines = "\n".join(f"{service} is not ready: {trouble}" for service, trouble in left.items())
        raise StartFailedError(f"{lines}\nTheir logs are in {layout.home.logs}.")
    # Wait shortly for warnings to end (for example: NATS unavailable), then start anyway.
    supervisor.wait_until(lambda: readiness.troubles(layout.ports, calm=True), seconds=CALM_SECONDS)


def _seed(layout: Layout) -> None:
    # Imported here, while the services are starting, because the import is slow.
    from deploy.local.seed import SeedError, seed  # noqa: PLC0415

    try:
        asyncio.run(seed(layout))
    except SeedError as error:
        raise StartFailedError(f"the demo data could not be created: {error}") from error


def _start_playground(supervisor: Supervisor, layout: Layout, inherited: Mapping[str, str]) -> bool:
    """Returns False when the playground is missing or does not start."""
    playground = programs.playground(layout, inherited=inherited)
    if playground is None:
        return False
    supervisor.start([playground])

    def trouble() -> dict[str, str]:
        return {} if readiness.answers(layout.ports.playground) else {playground.name: "does not answer yet"}

    try:
        if not supervisor.wait_until(trouble, seconds=PLAYGROUND_SECONDS):
            return True
        say(f"  the playground does not respond; its log is {playground.log}")
    except StartFailedError as error:
        say(f"  {error}")
    # The server runs without the playground, too.
    supervisor.drop(playground.name)
    return False

"""One run from start to stop: NATS and the services, demo data, the playground, and then watching over them."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from deploy.local import banner, programs, readiness
from deploy.local.console import say
from deploy.local.layout import Layout
from deploy.local.run_file import remove_run_file, write_run_file
from deploy.local.supervision.supervisor import StartFailedError, StoppedError, Supervisor

READY_SECONDS = 60.0
CALM_SECONDS = 5.0
PLAYGROUND_SECONDS = 10.0


def run(layout: Layout, supervisor: Supervisor, *, inherited: Mapping[str, str]) -> None:
    """Runs until somebody stops it. `inherited`: the environment that programs get besides what the run decides.

    Raises:
        StartFailedError: it did not get ready.
        NatsServerMissingError: there is no nats-server on this machine.
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
    # A warning (NATS still away, say) is worth a moment of patience, and no reason not to start.
    supervisor.wait_until(lambda: readiness.troubles(layout.ports, calm=True), seconds=CALM_SECONDS)


def _seed(layout: Layout) -> None:
    # Here, because what it imports takes a while, which is better spent while the services are starting.
    from deploy.local.seed import SeedError, seed  # noqa: PLC0415

    try:
        asyncio.run(seed(layout))
    except SeedError as error:
        raise StartFailedError(f"the demo data could not be made: {error}") from error


def _start_playground(supervisor: Supervisor, layout: Layout, inherited: Mapping[str, str]) -> bool:
    """False when there is none, or it does not start."""
    playground = programs.playground(layout, inherited=inherited)
    if playground is None:
        return False
    supervisor.start([playground])

    def trouble() -> dict[str, str]:
        return {} if readiness.answers(layout.ports.playground) else {playground.name: "does not answer yet"}

    try:
        if not supervisor.wait_until(trouble, seconds=PLAYGROUND_SECONDS):
            return True
        say(f"  the playground does not answer; its log is {playground.log}")
    except StartFailedError as error:
        say(f"  {error}")
    # The server is worth running without its demonstration.
    supervisor.drop(playground.name)
    return False

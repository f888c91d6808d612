"""`python -m deploy.local`: runs all of Latchkey on this machine in the foreground (`make run`)."""

import os
import sys
from collections.abc import Mapping

from deploy.local.layout import Layout
from deploy.local.ports import PortProblemError, Ports
from deploy.local.programs import STOP_ORDER
from deploy.local.run import run
from deploy.local.run_lock import AlreadyRunningError, only_run
from deploy.local.supervision.supervisor import StartFailedError, Supervisor
from deploy.provision.console import complain, say
from deploy.provision.home import VARIABLE as HOME_VARIABLE
from deploy.provision.home import Home
from deploy.provision.nats_server import NatsServerMissingError

STOP_WITH_PARENT = "LATCHKEY_STOP_WITH_PARENT"
"""Set to 1 by `make run`: the run ends when make is killed."""
DATABASE_URL = "LATCHKEY_DATABASE_URL"


def main(environment: Mapping[str, str]) -> int:
    """Runs until stopped; returns the exit code."""
    home = Home.of(environment)
    supervisor = Supervisor(stop_order=STOP_ORDER, stop_with_parent=environment.get(STOP_WITH_PARENT) == "1")
    try:
        with only_run(home.lock_file):
            ports = Ports.of(environment)
            ports.check_free()
            say(f"latchkey: starting NATS and the five services; their state and logs are in {home.root}")
            run(Layout(home, ports, environment.get(DATABASE_URL) or None), supervisor, inherited=environment)
    except AlreadyRunningError as other:
        complain(f"it already runs with {HOME_VARIABLE}={home.root}{other}: stop that run, or choose another home")
    except (PortProblemError, NatsServerMissingError, StartFailedError) as problem:
        for line in str(problem).splitlines():
            complain(line)
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(os.environ))

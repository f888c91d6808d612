"""An answer that no run of this browser waits for."""

from collections.abc import Mapping

from deploy.playground.flows.browser import came_back_to
from deploy.playground.flows.flow import Visit
from deploy.playground.problems import RefusedError
from deploy.playground.references import rfc


def refuse(visit: Visit, address: str, answer: Mapping[str, str], *, method: str) -> None:
    """Show the answer, and use nothing of it.

    Raises:
        RunFailedError: always.
    """
    run = visit.start("An unexpected answer")
    with run.step(
        "authorization-response",
        "An answer that nobody waits for",
        "Its state is not one that this browser was given, so nothing in it is used.",
        rfc(6749, "10.12"),
    ) as step:
        step.exchanges.append(came_back_to(address, answer, method=method))
        raise RefusedError("unknown_state", "no run of this browser waits for this state")

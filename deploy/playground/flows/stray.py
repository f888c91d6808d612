"""Responses without a pending request in this browser."""

from collections.abc import Mapping

from deploy.playground.flows.browser import came_back_to
from deploy.playground.flows.flow import Visit
from deploy.playground.problems import RefusedError
from deploy.playground.references import rfc


def refuse(visit: Visit, address: str, answer: Mapping[str, str], *, method: str) -> None:
    """Show the response without using it.

    Raises:
        RunFailedError: always.
    """
    run = visit.start("Unexpected response")
    with run.step(
        "authorization-response",
        "A response without a pending request",
        "Its state does not match a pending request of this browser, so the playground ignores the response.",
        rfc(6749, "10.12"),
    ) as step:
        step.exchanges.append(came_back_to(address, answer, method=method))
        raise RefusedError("unknown_state", "state matches no pending request of this browser")

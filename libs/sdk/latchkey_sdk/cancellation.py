"""Keeps a cancellation from being lost."""

import asyncio


def stay_cancelled(*, before: int = 0) -> None:
    """Raise CancelledError if the task was cancelled more than `before` times and the cancellation was swallowed.

    asyncio.wait_for, which the NATS client uses, swallows it if a result arrives at the same time (until Python 3.12).
    The client also turns a cancellation into another error while its connection is being closed.
    """
    if times_cancelled() > before:
        raise asyncio.CancelledError


def times_cancelled() -> int:
    """Return how often the current task was cancelled."""
    task = asyncio.current_task()
    return task.cancelling() if task else 0

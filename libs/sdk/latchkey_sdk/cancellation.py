"""Being told to end counts, whatever comes at the same moment."""

import asyncio


def stay_cancelled(*, before: int = 0) -> None:
    """Raises CancelledError when the task was told to end, more than `before` times, and something made it forget.

    Two things do: asyncio.wait_for, which the NATS client is built on, prefers a result that comes at the same moment
    (until Python 3.12); and the client turns a cancellation into an error while its connection is being closed.
    """
    if times_cancelled() > before:
        raise asyncio.CancelledError


def times_cancelled() -> int:
    """How often the task was told to end so far."""
    task = asyncio.current_task()
    return task.cancelling() if task else 0

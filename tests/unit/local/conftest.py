import time
from collections.abc import Callable
from typing import TypeVar

import pytest

ValueT = TypeVar("ValueT")


@pytest.fixture
def eventually():
    """Waits for a condition, and fails with its name when it does not come true."""

    def wait(condition: Callable[[], ValueT], *, seconds: float = 10.0) -> ValueT:
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < deadline, f"never came true: {condition}"
            time.sleep(0.01)
        return value

    return wait

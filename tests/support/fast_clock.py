"""`python -m tests.support.fast_clock services.<name>`: a service as it is, in which time goes by faster.

Nothing of the product is weakened for that: it is told another time, and the pauses that its modules fix are as much
shorter. Time goes by as usual until the file named by FAST_CLOCK_FILE is there, which says when it began to be fast.
"""

import json
import os
import runpy
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

VARIABLE = "FAST_CLOCK_FILE"
SPEED = 200


@dataclass
class FastClock:
    """The same time in every process that knows the file."""

    file: Path
    began: float | None = None

    def now(self) -> datetime:
        present = time.time()
        if self.began is None and self.file.exists():
            self.began = float(json.loads(self.file.read_text(encoding="utf-8")))
        began = present if self.began is None else self.began
        return datetime.fromtimestamp(began + (present - began) * SPEED, UTC)

    def begin(self) -> None:
        """From now on it is fast, everywhere."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(time.time()), encoding="utf-8")
        fresh.rename(self.file)


def main(module: str) -> None:
    from libs.servicekit import clock  # noqa: PLC0415 - a test only wants FastClock
    from services.authorize_frontend import published_keys  # noqa: PLC0415
    from services.token import signing_keys  # noqa: PLC0415

    fast = FastClock(Path(os.environ[VARIABLE]))
    setattr(clock.SystemClock, "now", lambda _: fast.now())  # noqa: B010 - a method, for its type
    signing_keys.REFRESH_SECONDS /= SPEED
    published_keys.REFRESH_SECONDS /= SPEED
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1])

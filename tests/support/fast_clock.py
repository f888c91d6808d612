"""`python -m tests.support.fast_clock services.<name>` runs a service with an accelerated clock.

It replaces the clock and divides the fixed refresh intervals of the modules by the speed; the code is otherwise unchanged.
The clock runs at normal speed until the file named by FAST_CLOCK_FILE exists, which contains start and speed; a test may
replace the file at any time.
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
SPEED_VARIABLE = "FAST_CLOCK_SPEED"
SPEED = 200


@dataclass
class FastClock:
    """A clock that shows the same time in every process that reads the file."""

    file: Path
    written: int = 0
    """Modification time of the file when it was last read."""
    since: tuple[float, float, float] = (0.0, 0.0, 1.0)
    """Real time of the change, accelerated time at that moment, and speed."""

    def now(self) -> datetime:
        try:
            written = self.file.stat().st_mtime_ns
        except FileNotFoundError:
            written = 0
        if written != self.written:
            real, here, speed = json.loads(self.file.read_text(encoding="utf-8"))
            self.written, self.since = written, (real, here, speed)
        real, here, speed = self.since
        return datetime.fromtimestamp(here + (time.time() - real) * speed, UTC)

    def begin(self, speed: float = SPEED) -> None:
        """Changes the speed in all processes, without a jump of the time."""
        before = self.now().timestamp()
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps([time.time(), before, speed]), encoding="utf-8")
        fresh.rename(self.file)


def main(module: str) -> None:
    from libs.servicekit.base import clock  # noqa: PLC0415 - a test only wants FastClock
    from services.authorize_frontend import published_keys  # noqa: PLC0415
    from services.key_rotation.adapters import signing_view  # noqa: PLC0415
    from services.token.adapters import retired_keys, signing_keys  # noqa: PLC0415

    fast = FastClock(Path(os.environ[VARIABLE]))
    speed = float(os.environ.get(SPEED_VARIABLE, SPEED))
    setattr(clock.SystemClock, "now", lambda _: fast.now())  # noqa: B010 - a method, for its type
    signing_keys.REFRESH_SECONDS /= speed
    published_keys.REFRESH_SECONDS /= speed
    signing_view.LOOK_SECONDS /= 10
    setattr(retired_keys, "WRITE_SECONDS", 0.5)  # noqa: B010 - in real seconds
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1])

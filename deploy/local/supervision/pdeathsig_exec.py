"""Starts a program that cannot outlive its parent: `python tether.py <parent's pid> program [argument ...]`.

When the parent is gone, even by kill -9, Linux kills the program; elsewhere it runs on. This is a step between fork and
exec in a process of its own, because code between the two in a parent with threads can deadlock.
"""

import os
import sys

PR_SET_PDEATHSIG = 1
SIGKILL = 9


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - this runs before every program: it loads what it needs and no more

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        sys.exit(1)
    os.execv(program[0], program)  # noqa: S606 - there is nothing for a shell to do


if __name__ == "__main__":
    main()

"""Starts a program that ends with its parent: `python pdeathsig_exec.py <parent's pid> program [argument ...]`.

When the parent ends, even by SIGKILL, Linux kills the program; on other systems it keeps running. This is a separate
program because code between fork and exec can deadlock in a parent with threads.
"""

import os
import sys

PR_SET_PDEATHSIG = 1
SIGKILL = 9


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - loaded only where needed, to start fast

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
    if os.getppid() != parent:  # the parent ended before prctl
        sys.exit(1)
    os.execv(program[0], program)  # noqa: S606 - no shell needed


if __name__ == "__main__":
    main()

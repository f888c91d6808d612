"""Child processes of a run, with real processes: each one ends with its parent."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.supervision import process
from deploy.local.supervision.process import Child, Program
from deploy.local.supervision.restart import FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS, STEADY_SECONDS, Restarter
from deploy.provision.home import PROJECT_ROOT

FOREVER = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + FOREVER


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def program(tmp_path):
    def make(code, *, name="sample", environment=None):
        return Program(name, [sys.executable, "-c", code], environment or {}, tmp_path / f"{name}.log")

    return make


@pytest.fixture
def child(program):
    """Starts a program; it is gone after the test."""
    started = []

    def start(code, **options):
        made = Child(program(code, **options))
        started.append(made)
        made.start()
        return made

    yield start
    for each in started:
        each.kill()


def says(child: Child, word: str) -> Callable[[], bool]:
    return lambda: word in child.program.log.read_text()


def gone(pid: int) -> bool:
    """No process any more, or one that only waits to be noticed by its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_program_gets_its_environment_and_writes_into_its_log(child):
    made = child("import os; print(sorted(k for k in os.environ if k[0] == 'X'))", environment={"X1": "1", "X2": "2"})
    assert made.wait(10)
    assert made.program.log.read_text() == "['X1', 'X2']\n"
    assert (made.alive, made.pid, made.ending) == (False, None, "with code 0")


def test_program_has_the_reported_pid(child, eventually):
    made = child("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    assert eventually(made.program.log.read_text) == f"{made.pid}\n"


def test_the_terminal_does_not_reach_a_program(child):
    made = child(FOREVER)
    assert os.getpgid(made.pid) == made.pid != os.getpgid(0)


def test_stopping_asks_first_and_kills_who_does_not_listen(child, eventually):
    polite, stubborn = child(FOREVER, name="polite"), child(STUBBORN, name="stubborn")
    eventually(says(polite, "up"))
    eventually(says(stubborn, "up"))
    assert process.stop([polite, stubborn], seconds=0.3) == [stubborn]
    assert (polite.ending, stubborn.ending) == ("by SIGTERM", "by SIGKILL")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ties a child to its parent on Linux only")
def test_programs_die_with_a_parent_that_is_killed(tmp_path, eventually):
    parent = f"""
import sys, time
from pathlib import Path
from deploy.local.supervision.process import Child, Program
child = Child(Program("child", [sys.executable, "-c", {STUBBORN!r}], {{}}, Path({str(tmp_path / "log")!r})))
child.start()
while "up" not in child.program.log.read_text(): time.sleep(0.01)
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", parent], cwd=PROJECT_ROOT, stdout=subprocess.PIPE) as started:
        assert started.stdout
        pid = int(started.stdout.readline())
        assert not gone(pid)
        started.send_signal(signal.SIGKILL)
        eventually(lambda: gone(pid))


def test_what_ends_is_started_again_after_a_growing_pause(program):
    clock = Clock()
    restarter = Restarter(Child(program("raise SystemExit(3)")), clock=clock)
    restarter.start()
    pauses = []
    for _ in range(7):
        assert restarter.child.wait(10)
        words = restarter.tick() or ""
        assert words.startswith("sample ended with code 3; starting it again in ")
        pause = float(words.split()[-2])
        clock.now += pause - 0.01
        assert restarter.tick() is None
        clock.now += 0.02
        assert restarter.tick() == "sample is started again"
        pauses.append(pause)
    assert pauses == [FIRST_PAUSE_SECONDS, 1, 2, 4, 8, MAX_PAUSE_SECONDS, MAX_PAUSE_SECONDS]
    assert restarter.endings == 7
    restarter.child.kill()


def test_what_was_steady_is_started_again_soon(program):
    clock = Clock()
    restarter = Restarter(Child(program("")), clock=clock)
    restarter.start()
    for _ in range(3):
        assert restarter.child.wait(10)
        clock.now += STEADY_SECONDS
        assert restarter.tick() == f"sample ended with code 0; starting it again in {FIRST_PAUSE_SECONDS:g} s"
        clock.now += FIRST_PAUSE_SECONDS
        restarter.tick()
    restarter.child.kill()


def test_a_long_log_is_put_aside(tmp_path):
    log = tmp_path / "token.log"
    log.write_bytes(b"x" * 100)
    process.rotate_log(log)
    assert log.exists()
    log.write_bytes(b"x" * 5_000_001)
    process.rotate_log(log)
    assert not log.exists()
    assert (tmp_path / "token.log.1").stat().st_size == 5_000_001

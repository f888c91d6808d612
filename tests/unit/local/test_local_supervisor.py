"""The supervisor with small programs, in a process of its own, as started from a shell."""

import json
import shlex
import signal
import subprocess
import sys
import time

import pytest

from deploy.local.programs import STOP_ORDER
from deploy.local.supervision.supervisor import STOP_SECONDS
from deploy.provision.home import PROJECT_ROOT

SCRIPT = """
import json, sys
from pathlib import Path
from deploy.provision.console import say
from deploy.local.supervision.process import Program
from deploy.local.supervision.supervisor import StartFailedError, StoppedError, Supervisor

folder, codes = Path(sys.argv[1]), json.loads(sys.argv[2])
programs = [
    Program(name, [sys.executable, "-c", code], {"FOLDER": str(folder), "NAME": name}, folder / f"{name}.log")
    for name, code in codes.items()
]
try:
    order = [["edge"], ["core"], ["bus"]]
    with Supervisor(stop_order=order, stop_seconds=1, stop_with_parent=len(sys.argv) > 3) as supervisor:
        supervisor.start(programs)
        missing = lambda: {name: "" for name in codes if not (folder / f"{name}.up").exists()}
        left = supervisor.wait_until(missing, seconds=10)
        say("ready" if not left else f"not ready: {left}")
        supervisor.run_until_stopped(on_change=lambda: say("changed"))
except StoppedError:
    say("stopped")
except StartFailedError as error:
    say(f"failed: {error}")
"""
PROGRAM = """
import os, signal, sys, time
from pathlib import Path
folder, name = Path(os.environ["FOLDER"]), os.environ["NAME"]
def bye(*_):
    with (folder / "order").open("a") as order: order.write(name + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, bye)
(folder / f"{name}.up").write_text(str(os.getpid()))
while True: time.sleep(60)
"""
ALL = {"bus": PROGRAM, "core": PROGRAM, "edge": PROGRAM}


@pytest.fixture
def supervise(tmp_path):
    """Starts a supervisor; `lines` are read as they come."""
    started: list[subprocess.Popen[str]] = []

    def start(codes: dict[str, str], *, by_make: bool = False) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", SCRIPT, str(tmp_path), json.dumps(codes)]
        if by_make:
            (tmp_path / "supervise.py").write_text(SCRIPT)
            recipe = shlex.join([sys.executable, str(tmp_path / "supervise.py"), *command[3:], "stop-with-parent"])
            (tmp_path / "Makefile").write_text(f"run:\n\t@PYTHONPATH=. exec {recipe.replace('$', '$$')}\n")
            # A program that a script started in the background inherits that SIGINT is ignored.
            command = ["env", "--default-signal=INT", "make", "-f", str(tmp_path / "Makefile"), "run"]
        process = subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def read_until(process: "subprocess.Popen[str]", word: str) -> list[str]:
    """What it says until a line with the word comes."""
    assert process.stdout
    lines: list[str] = []
    while word not in (line := process.stdout.readline()):
        assert line, f"{word} never came: {lines}"
        lines.append(line)
    return [*lines, line]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_in_order(supervise, tmp_path, number):
    process = supervise(ALL)
    read_until(process, "ready")
    process.send_signal(number)
    assert process.stdout.read() == "stopped\n"
    assert process.wait(10) == 0
    assert (tmp_path / "order").read_text().split() == ["edge", "core", "bus"]


def test_a_program_that_is_killed_comes_back_and_that_is_said(supervise, tmp_path):
    process = supervise(ALL)
    read_until(process, "ready")
    first = int((tmp_path / "core.up").read_text())
    (tmp_path / "core.up").unlink()
    subprocess.run(["kill", "-9", str(first)], check=True)
    said = read_until(process, "core is started again")
    assert "  core ended by SIGKILL; starting it again in 0.5 s\n" in said
    assert read_until(process, "changed")


def test_a_program_that_does_not_end_is_killed(supervise):
    stubborn = PROGRAM.replace("signal.signal(signal.SIGTERM, bye)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    process = supervise({"bus": stubborn, "core": stubborn, "edge": stubborn})
    read_until(process, "ready")
    process.send_signal(signal.SIGTERM)
    said = process.stdout.read()
    assert [line.split()[0] for line in said.splitlines()] == ["edge", "core", "bus", "stopped"]
    assert "edge did not stop in time and was killed" in said


def test_stopping_everything_stays_within_ten_seconds():
    assert len(STOP_ORDER) * STOP_SECONDS < 9


def test_a_second_signal_ends_the_patience(supervise):
    stubborn = PROGRAM.replace("signal.signal(signal.SIGTERM, bye)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    process = supervise({"bus": stubborn, "core": stubborn, "edge": stubborn})
    read_until(process, "ready")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert "edge did not stop" in process.stdout.readline()  # the first of three groups took its whole time
    process.send_signal(signal.SIGINT)
    assert "stopped" in process.stdout.read()
    assert time.monotonic() - began < 2.5


def test_the_same_signal_from_two_sides_is_one(supervise, tmp_path):
    process = supervise(ALL)
    read_until(process, "ready")
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    assert process.stdout.read() == "stopped\n"
    assert (tmp_path / "order").read_text().split() == ["edge", "core", "bus"]


def test_a_program_that_keeps_ending_before_all_is_ready_ends_the_start(supervise):
    process = supervise({"bus": PROGRAM, "core": "raise SystemExit('LATCHKEY_ISSUER: is missing')"})
    said = process.stdout.read()
    assert "failed: core ended with code 1, 3 times. Its log:\nLATCHKEY_ISSUER: is missing" in said
    assert process.wait(10) == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_run_stops_when_only_its_parent_make_gets_sigint(supervise, tmp_path, number):
    process = supervise(ALL, by_make=True)
    read_until(process, "ready")
    process.send_signal(number)
    assert process.stdout.read().startswith("stopped\n")
    assert process.wait(10) != 0
    assert (tmp_path / "order").read_text().split() == ["edge", "core", "bus"]


def test_run_continues_when_its_output_is_closed(supervise, tmp_path, eventually):
    process = supervise(ALL)
    read_until(process, "ready")
    process.stdout.close()
    first = (tmp_path / "core.up").read_text()
    subprocess.run(["kill", "-9", first], check=True)
    eventually(lambda: (tmp_path / "core.up").read_text() not in {"", first})
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0

"""`make run`: the command on free ports with its own home folder."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.provision.home import PROJECT_ROOT
from deploy.provision.topology import SERVICE_NAMES
from tests.support.stack import free_ports

pytestmark = pytest.mark.timeout(180)


class Run:
    """A process of `python -m deploy.local`."""

    def __init__(self, home: Path, variables: dict[str, str]) -> None:
        self.home = home
        self._environment = {**os.environ, **variables, "LATCHKEY_HOME": str(home)}
        self._process = self.again(output=subprocess.PIPE)

    def again(self, *, output: int | None = None) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "deploy.local"]
        return subprocess.Popen(
            command, cwd=PROJECT_ROOT, env=self._environment, stdout=output, stderr=subprocess.STDOUT, text=True
        )

    def read_until(self, word: str) -> str:
        """The output up to a line with the word."""
        said = ""
        assert self._process.stdout
        for line in self._process.stdout:
            said += line
            if word in line:
                return said
        raise AssertionError(f"{word!r} never came:\n{said}")

    def stop(self) -> tuple[int, str]:
        """Sends SIGINT; returns the exit code and the remaining output."""
        self._process.send_signal(signal.SIGINT)
        said, _ = self._process.communicate(timeout=10)
        return self._process.returncode, said

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def file(self) -> dict[str, object]:
        loaded: dict[str, object] = json.loads((self.home / "run.json").read_text())
        return loaded


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    with free_ports() as ports:
        yield ports


@pytest.fixture
def start(variables, tmp_path):
    """Starts a run and waits until it is ready; returns the run and its output."""
    started: list[Run] = []

    def ready() -> tuple[Run, str]:
        run = Run(tmp_path / "home", variables)
        started.append(run)
        return run, run.read_until("Ctrl-C stops everything")

    yield ready
    for run in started:
        run.kill()


def test_run_prints_urls_and_stops_every_process(start, variables):
    run, said = start()
    browser = variables["LATCHKEY_BROWSER_PORT"]
    for word in (f"http://localhost:{browser}", "alice / alice-password", "subscriber.creds", "nats://127.0.0.1:"):
        assert word in said[said.index("Latchkey is ready") :]
    assert get(browser, "/.well-known/openid-configuration")["issuer"] == f"http://localhost:{browser}"
    pids = run.file["pids"]
    assert set(SERVICE_NAMES) | {"nats"} <= set(pids)
    code, last_words = run.stop()
    assert (code, last_words) == (0, "latchkey: stopped\n")
    assert not [name for name, pid in pids.items() if Path(f"/proc/{pid}").exists()]
    assert not (run.home / "run.json").exists()


def test_second_start_keeps_the_data_of_the_first(start):
    run, _ = start()
    clients = (run.home / "playground.json").read_text()
    run.stop()
    again, _ = start()
    assert (again.home / "playground.json").read_text() == clients
    again.stop()


def test_killed_service_is_restarted_and_a_second_run_is_refused(start):
    run, _ = start()
    before = run.file["pids"]["token"]
    os.kill(before, signal.SIGKILL)
    assert "token ended by SIGKILL; starting it again in 0.5 s" in run.read_until("token is started again")
    second = run.again(output=subprocess.PIPE)
    said, _ = second.communicate(timeout=20)
    assert second.returncode == 1
    assert f"it already runs with LATCHKEY_HOME={run.home}" in said
    run.stop()


def get(port: str, path: str) -> dict[str, object]:
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
    connection.request("GET", path)
    loaded: dict[str, object] = json.loads(connection.getresponse().read())
    connection.close()
    return loaded

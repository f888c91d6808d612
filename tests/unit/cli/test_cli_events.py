"""latchkey events tail and latchkey status with a real nats-server."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from libs.cli.commands.events import _event_names
from libs.servicekit.base.service import CheckResult
from tests.unit.cli.conftest import Latchkey, write_run_file
from tests.unit.cli.serving import Services
from tests.unit.sdk.bus import NatsServer, publisher_for

EVENTS = ("login.succeeded", "login.failed", "session.created", "token.issued")


@pytest.fixture
def server(tmp_path: Path, home: Path, services: Services, tls: Path) -> Iterator[NatsServer]:
    """A NATS server with four old events."""
    server = NatsServer(tmp_path)
    server.start()
    asyncio.run(publish(server, *EVENTS))
    write_run_file(home, services, tls, nats_url=server.url)
    yield server
    server.stop()


async def publish(server: NatsServer, *names: str) -> None:
    async with publisher_for(server.url) as publisher:
        await publisher.make_streams()
        for name in names:
            await publisher.event(name, data={"user_id": "user-1", "client_id": "shop", "amr": ["pwd", "otp"]})


@pytest.mark.usefixtures("server")
def test_events_tail_prints_json_lines_with_json(latchkey: Latchkey) -> None:
    answer = latchkey("events", "tail", "--filter", "login.>", "--since", "10m", "--count", "2", "--json")
    output = [json.loads(line) for line in answer.out.splitlines()]
    assert (answer.code, [event["type"] for event in output]) == (
        0,
        ["latchkey.login.succeeded.v1", "latchkey.login.failed.v1"],
    )
    assert output[0]["data"] == {"user_id": "user-1", "client_id": "shop", "amr": ["pwd", "otp"]}


@pytest.mark.usefixtures("server")
def test_events_tail_prints_one_line_per_event(latchkey: Latchkey) -> None:
    answer = latchkey("events", "tail", "--filter", "login.succeeded", "--since", "beginning", "--count", "1")
    assert answer.out.split()[2:] == ["login.succeeded", "user-1", "client_id=shop", "amr=pwd,otp"]


@pytest.mark.usefixtures("server")
def test_events_tail_shows_all_events_without_filter(latchkey: Latchkey) -> None:
    answer = latchkey("events", "tail", "--since", "beginning", "--count", "4", "--json")
    assert {json.loads(line)["type"] for line in answer.out.splitlines()} == {f"latchkey.{name}.v1" for name in EVENTS}


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("since", ["2026-01-01", "2026-01-01T12:00Z", "3d"])
def test_events_tail_since_accepts_times_and_durations(latchkey: Latchkey, since: str) -> None:
    assert latchkey("events", "tail", "--since", since, "--count", "1").code == 0


@pytest.mark.usefixtures("server")
def test_events_tail_warns_about_filter_without_match() -> None:
    with a_process("events", "tail", "--filter", "logins.>") as tailing:
        assert tailing.stderr
        assert "did you mean 'login.>'?" in tailing.stderr.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_events_tail_runs_until_interrupted(server: NatsServer, number: signal.Signals) -> None:
    with a_process("events", "tail", "--json", "--since", "beginning", "--filter", "session.>") as tailing:
        assert tailing.stdout
        assert json.loads(tailing.stdout.readline())["id"] == "event-3"
        asyncio.run(publish(server, "session.ended"))
        assert json.loads(tailing.stdout.readline())["type"] == "latchkey.session.ended.v1"
        tailing.send_signal(number)
        assert tailing.communicate() == ("", "")
        assert tailing.returncode == 0


def test_events_tail_names_unavailable_nats(
    latchkey: Latchkey, server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.cli.commands.events.CONNECT_SECONDS", 0.2)
    server.stop()
    answer = latchkey("events", "tail")
    assert answer.code == 1
    assert answer.err.startswith(f"Error: cannot reach NATS at {server.url}: ")


def test_filter_warning_knows_every_event_type_of_the_contract() -> None:
    assert {"login.succeeded", "token.reuse_detected", "key.published"} <= set(_event_names())


@contextmanager
def a_process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    own = {"LATCHKEY_HOME": str(Path.cwd() / ".latchkey"), "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(
        [sys.executable, "-m", "libs.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | own,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


WELL = CheckResult(ok=True, detail="sqlite")


def test_status_reports_ready_when_all_parts_are_ready(
    latchkey: Latchkey, server: NatsServer, services: Services, home: Path, tls: Path
) -> None:
    services.report("token", database=WELL, bus=CheckResult(ok=True, detail="connected"))
    services.report(
        "authorize-frontend", bus=CheckResult(ok=False, detail="unavailable: outbox relay blocked", required=False)
    )
    write_run_file(home, services, tls, nats_url=server.url)
    output = latchkey("status", "--json").json
    assert output["ready"] is True
    assert output["services"]["token"]["checks"]["bus"]["detail"] == "connected"
    assert output["services"]["authorize-frontend"] == {
        "ready": True,
        "detail": "bus: unavailable: outbox relay blocked",
        "checks": {"bus": {"ok": False, "detail": "unavailable: outbox relay blocked", "required": False}},
    }
    assert output["services"]["authentication"]["ready"] is True
    assert output["databases"] == {"token": {"ready": True, "detail": "sqlite"}}
    assert output["nats"]["streams"] == {"LATCHKEY_EVENTS": 3, "LATCHKEY_TOKENS": 1}
    assert [key["state"] for key in output["keys"]["keys"]] == ["active", "next"]
    assert latchkey("status").out.endswith("All parts are ready.\n")


def not_ready(latchkey: Latchkey) -> dict[str, object]:
    answer = latchkey("status", "--json")
    assert (answer.code, answer.err) == (1, "")
    output: dict[str, object] = json.loads(answer.out)
    assert output["ready"] is False
    return output


@pytest.mark.usefixtures("server")
def test_status_fails_when_a_service_is_not_ready(
    latchkey: Latchkey, services: Services, home: Path, tls: Path
) -> None:
    services.report("token", database=CheckResult(ok=False, detail="locked"))
    services.ops["device"] = "127.0.0.1:1"
    write_run_file(home, services, tls)
    assert not_ready(latchkey)["databases"] == {"token": {"ready": False, "detail": "locked"}}
    screen = latchkey("status").out
    assert "database: locked" in screen
    assert "Connection refused" in screen
    assert "cannot reach NATS" in screen
    assert screen.endswith("Not all parts are ready.\n")


@pytest.mark.usefixtures("server")
def test_status_fails_without_active_key(latchkey: Latchkey, services: Services) -> None:
    services.keys.states = services.keys.states[1:]
    assert not_ready(latchkey)["keys"]["detail"] == "no active key ES256"  # type: ignore[index]


def test_status_fails_without_streams(
    latchkey: Latchkey, services: Services, home: Path, tls: Path, tmp_path: Path
) -> None:
    empty = NatsServer(tmp_path)
    empty.start()
    write_run_file(home, services, tls, nats_url=empty.url)
    try:
        output = not_ready(latchkey)
    finally:
        empty.stop()
    assert "stream" in output["nats"]["detail"]  # type: ignore[index]

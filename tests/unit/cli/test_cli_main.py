"""All commands: help, usage errors, exit codes, and how the server is found."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from libs.cli.connection import find
from libs.cli.errors import CliError
from tests.unit.cli.conftest import Latchkey, write_run_file
from tests.unit.cli.serving import Services

COMMANDS = [
    (),
    ("client",),
    *(("client", name) for name in ("create", "list", "show", "update", "delete", "rotate-secret")),
    ("user",),
    *(("user", name) for name in ("create", "list", "set-password", "disable")),
    ("events",),
    ("events", "tail"),
    ("flow",),
    ("flow", "advise"),
    ("status",),
    ("version",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(latchkey: Latchkey, command: tuple[str, ...]) -> None:
    for flag in ("-h", "--help"):
        answer = latchkey(*command, flag)
        assert answer.code == 0
        assert answer.out.startswith(" ".join(["Usage: latchkey", *command]))
    if command not in {("client",), ("user",), ("events",), ("flow",)}:
        assert "--json" in answer.out


def test_help_does_not_import_heavy_modules() -> None:
    program = """if True:
        import sys
        from libs.cli import main
        main.run(["--help"])
        print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
    """
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stderr.split()
    assert "typer" in loaded
    assert not {"grpc", "google", "nats", "pydantic", "rich", "aiohttp", "asyncio", "latchkey"} & set(loaded)


def test_group_without_command_prints_help(latchkey: Latchkey) -> None:
    assert latchkey("client").out == latchkey("client", "-h").out


@pytest.mark.parametrize("arguments", [
    ("clinet", "list"),
    ("client", "lst"),
    ("client", "list", "too", "much"),
    ("client", "create", "--colour", "red"),
    ("client", "show"),
    ("client", "rotate-secret", "c", "--overlap", "-1"),
    ("events", "tail", "--since", "yesterday"),
    ("events", "tail", "--count", "0"),
    ("events", "tail", "--filter", "Login!"),
])  # fmt: skip
def test_usage_error_is_one_line_with_exit_code_2(latchkey: Latchkey, arguments: tuple[str, ...]) -> None:
    answer = latchkey(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("Error: ")
    assert answer.err.count("\n") == 1
    assert latchkey(*arguments, "--json").error["error"] == "usage"


@pytest.mark.parametrize("arguments", [("--json", "version"), ("version", "--json")])
def test_json_option_is_accepted_before_and_after_the_command(latchkey: Latchkey, arguments: tuple[str, ...]) -> None:
    assert latchkey(*arguments).json["version"] == version("latchkey")


@pytest.mark.parametrize("command", [("client", "list"), ("user", "list"), ("events", "tail"), ("status",)])
def test_error_explains_how_to_connect_when_no_server_is_found(latchkey: Latchkey, command: tuple[str, ...]) -> None:
    answer = latchkey(*command)
    assert answer.code == 1
    assert answer.err.startswith(
        "Error: no running Latchkey found: start one with make run, or set LATCHKEY_TOKEN_TARGET"
    )
    assert latchkey(*command, "--json").error["error"] == "not_found"


def test_error_names_unreachable_service(latchkey: Latchkey, services: Services, home: Path, tls: Path) -> None:
    target = services.targets["token"] = "127.0.0.1:1"
    write_run_file(home, services, tls)
    answer = latchkey("client", "list")
    assert answer.code == 1
    assert answer.err == f"Error: cannot reach token at {target} (from {home / 'run.json'}): is it running?\n"


def test_error_names_certificate_of_another_identity(latchkey: Latchkey, home: Path, tls: Path) -> None:
    run = json.loads((home / "run.json").read_text())
    run["cli"] |= {"certificate": str(tls / "device.pem"), "key": str(tls / "device.key")}
    (home / "run.json").write_text(json.dumps(run))
    answer = latchkey("client", "list")
    assert (
        answer.err
        == f"Error: token refused the certificate {tls / 'device.pem'}: it must be issued for the identity cli\n"
    )


def test_unexpected_error_is_one_line(latchkey: Latchkey, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("out of paper")

    monkeypatch.setattr("libs.cli.clients.every", broken)
    answer = latchkey("client", "list")
    assert answer.code == 1
    assert answer.err == "Error: RuntimeError: out of paper (for the stack trace set LATCHKEY_LOG_LEVEL=debug)\n"
    monkeypatch.setenv("LATCHKEY_LOG_LEVEL", "debug")
    assert "Traceback" in latchkey("client", "list").err


def test_connection_is_read_from_environment(
    latchkey: Latchkey, services: Services, tls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "TOKEN_TARGET": services.targets["token"],
        "TLS_CA": str(tls / "ca.pem"),
        "TLS_CERTIFICATE": str(tls / "cli.pem"),
        "TLS_KEY": str(tls / "cli.key"),
    }.items():
        monkeypatch.setenv(f"LATCHKEY_{name}", value)
    assert latchkey("client", "list", "--json").json == []
    assert "set LATCHKEY_AUTHENTICATION_TARGET" in latchkey("user", "list").err
    monkeypatch.delenv("LATCHKEY_TLS_KEY")
    assert "set LATCHKEY_TLS_KEY" in latchkey("client", "list").err
    monkeypatch.setenv("LATCHKEY_TLS_KEY", "/nowhere")
    assert "TLS_KEY /nowhere cannot be read" in latchkey("client", "list").err


def a_run(folder: Path, issuer: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(
        json.dumps({
            "issuer": issuer,
            "client_edge": "",
            "nats_url": "",
            "services": {},
            "cli": dict.fromkeys(("ca", "certificate", "key", "nats_creds"), ""),
        })
    )  # fmt: skip
    return folder


def test_connection_prefers_home_then_nearest_folder_then_project(nowhere: Path) -> None:
    inner = nowhere / "outer" / "inner"
    inner.mkdir(parents=True)
    a_run(nowhere / ".latchkey", "project")
    assert find({}, Path("/")).issuer == "project"
    a_run(nowhere / "outer" / ".latchkey", "outer")
    assert find({}, inner).issuer == "outer"
    named = a_run(nowhere / "named", "named")
    assert find({"LATCHKEY_HOME": str(named)}, inner).issuer == "named"


def test_connection_does_not_fall_back_when_named_home_is_empty(nowhere: Path) -> None:
    a_run(nowhere / ".latchkey", "another")
    with pytest.raises(CliError, match="no running Latchkey found in LATCHKEY_HOME /elsewhere"):
        find({"LATCHKEY_HOME": "/elsewhere"}, nowhere)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"services": {}, "cli": {}}', '{"services": [], "cli": {}}'])
def test_error_names_invalid_run_file(nowhere: Path, content: str) -> None:
    (nowhere / ".latchkey").mkdir()
    (nowhere / ".latchkey" / "run.json").write_text(content)
    with pytest.raises(CliError, match=r"run\.json cannot be read"):
        find({}, nowhere)


def test_version_option_shows_the_version(latchkey: Latchkey) -> None:
    answer = latchkey("--version")
    assert answer.code == 0
    assert answer.out.startswith("latchkey ")
    assert answer.out.split()[1] in latchkey("version").out

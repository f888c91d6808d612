import base64
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.local import environment
from deploy.local.layout import Layout
from deploy.local.log_watch import LogWatch, important
from deploy.local.ports import Ports
from deploy.local.run_file import describe, remove_run_file, write_run_file
from deploy.local.run_lock import AlreadyRunningError, only_run
from deploy.provision.home import Home, read_json, write_json, write_private
from deploy.provision.secret_files import ensure_secrets
from deploy.provision.topology import SERVICES

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def layout(tmp_path):
    made = Layout(Home(tmp_path / "home"), Ports.of({}))
    made.prepare(now=NOW)
    return made


def test_everything_in_the_home_is_private(layout):
    modes = {path: path.stat().st_mode & 0o777 for path in [layout.home.root, *layout.home.root.rglob("*")]}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


def test_secrets_are_32_bytes_and_never_replaced(layout):
    ensure_secrets(layout.home)
    before = {path.name: path.read_text() for path in layout.home.secrets.iterdir()}
    ensure_secrets(layout.home)
    assert {path.name: path.read_text() for path in layout.home.secrets.iterdir()} == before
    assert sorted(before) == [
        "client-secret-pepper.key",
        "factor-encryption.key",
        "key-encryption.key",
        "pairwise-salt.key",
        "session-attestation.key",
        "webhook-sealing.key",
    ]
    assert {len(base64.urlsafe_b64decode(text.strip() + "=")) for text in before.values()} == {32}


def test_a_file_is_replaced_whole_and_half_a_file_is_no_file(tmp_path):
    path = tmp_path / "run.json"
    assert read_json(path) is None
    path.write_text('{"issuer": "http')
    assert read_json(path) is None
    write_json(path, {"issuer": "x"})
    assert read_json(path) == {"issuer": "x"}
    with pytest.raises(IsADirectoryError):
        write_private(tmp_path, "refused")
    assert list(tmp_path.iterdir()) == [path]


def test_the_home_may_be_anywhere_and_is_beside_the_project_by_default(tmp_path):
    assert Home.of({"LATCHKEY_HOME": str(tmp_path)}).root == tmp_path
    assert Home.of({}).root.name == ".latchkey"
    assert (Home.of({}).root.parent / "pyproject.toml").exists()


def test_environment_names_only_the_secrets_of_the_service(layout):
    variables = {service.name: environment.of_service(service, layout, inherited={}) for service in SERVICES}
    holders = {
        variable: [name for name, variables in variables.items() if variable in variables]
        for variable in ("LATCHKEY_KEY_ENCRYPTION_KEY_FILE", "LATCHKEY_CLIENT_SECRET_PEPPER_FILE")
    }
    assert holders == {
        "LATCHKEY_KEY_ENCRYPTION_KEY_FILE": ["key-rotation"],
        "LATCHKEY_CLIENT_SECRET_PEPPER_FILE": ["token"],
    }
    assert "LATCHKEY_DATABASE_URL" not in variables["authorize-frontend"]
    assert variables["token"]["LATCHKEY_HTTP_LISTEN"] == "127.0.0.1:8081"
    assert variables["token"]["LATCHKEY_KEY_ROTATION_TARGET"] == "127.0.0.1:9084"
    assert len({variables["LATCHKEY_TLS_KEY"] for variables in variables.values()}) == len(SERVICES)


def test_environment_passes_settings_on_unless_the_run_sets_them(layout):
    inherited = {
        "PATH": "/bin",
        "LATCHKEY_BRAND_NAME": "Acme",
        "LATCHKEY_LOG_LEVEL": "debug",
        "LATCHKEY_ISSUER": "https://elsewhere.example",
        "LATCHKEY_DATABASE_URL": "postgresql+asyncpg://elsewhere/db",
    }
    variables = environment.of_service(SERVICES[-1], layout, inherited=inherited)
    assert (variables["PATH"], variables["LATCHKEY_BRAND_NAME"], variables["LATCHKEY_LOG_LEVEL"]) == (
        "/bin",
        "Acme",
        "debug",
    )
    assert variables["LATCHKEY_ISSUER"] == "http://localhost:8080"
    assert variables["LATCHKEY_REGISTRATION"] == "token"
    assert "LATCHKEY_DATABASE_URL" not in variables


def test_one_postgresql_database_serves_all_that_keep_data(tmp_path):
    layout = Layout(Home(tmp_path), Ports.of({}), "postgresql+asyncpg://user@host/db")
    urls = {layout.database_of(service) for service in SERVICES if service.database}
    assert urls == {"postgresql+asyncpg://user@host/db"}


def test_run_json_tells_what_runs_while_it_runs(layout):
    write_run_file(layout, [])
    variables = read_json(layout.home.run_file)
    assert variables == describe(layout) | {"pids": {}}
    assert variables["services"]["token"] == {"grpc": "127.0.0.1:9081", "ops": "127.0.0.1:9181"}
    assert variables["services"]["authorize-frontend"] == {"ops": "127.0.0.1:9180"}
    assert all(Path(path).exists() for path in [*variables["cli"].values(), variables["subscriber_creds"]])
    remove_run_file(layout)
    assert not layout.home.run_file.exists()


def test_a_home_has_one_run_and_a_dead_one_does_not_count(tmp_path):
    lock = tmp_path / "home" / "run.lock"
    code = f"""
import os, signal
from pathlib import Path
from deploy.local.run_lock import only_run
with only_run(Path({str(lock)!r})):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    with only_run(lock):
        with pytest.raises(AlreadyRunningError) as other, only_run(lock):
            pass
        assert str(other.value) == f" (process {os.getpid()})"
    with only_run(lock):
        pass


def test_only_important_lines_come_to_the_front(tmp_path):
    log = tmp_path / "token.log"
    log.write_text('{"level": "error", "event": "of an earlier run"}\n')
    watch = LogWatch()
    watch.add("token", log)
    with log.open("a") as file:
        file.write(
            '{"level": "info", "event": "Serving"}\n{"level": "warning", "event": "Away", "cause": "unreachable"}\n{"le'
        )
    assert watch.news() == ["token: warning: Away (unreachable)"]
    with log.open("a") as file:
        file.write('vel": "error", "event": "Broken"}\nTraceback (most recent call last):\n  File\nValueError: no\n')
    assert watch.news() == ["token: error: Broken", "token: ValueError: no"]
    assert watch.news() == []


@pytest.mark.parametrize(
    ("program", "line", "words"),
    [
        ("nats", "[1] 2026/11/20 08:28:15.273240 [FTL] no disk", "2026/11/20 08:28:15.273240 [FTL] no disk"),
        ("nats", "[1] 2026/11/20 08:28:15.273240 [ERR] Publish Violation", ""),
        ("playground", "anything at all", ""),
        ("token", "[]", "[]"),
        ("token", '{"level": "critical"}', "critical: "),
    ],
)
def test_each_program_has_its_own_important_lines(program, line, words):
    assert important(program, line) == words

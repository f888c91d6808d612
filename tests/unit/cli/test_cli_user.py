import io
import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Latchkey
from tests.unit.cli.serving import Services

pytestmark = pytest.mark.usefixtures("home")
PASSWORD = ("--password", "correct horse")


@pytest.mark.parametrize("name", [("alice",), ("--username", "alice")])
def test_a_user_is_created(latchkey: Latchkey, services: Services, name: tuple[str, ...]) -> None:
    told = latchkey("user", "create", *name, *PASSWORD, "--email", "a@a.example", "--name", "Alice", "--json").json
    assert told == {
        "user_id": "user-1",
        "username": "alice",
        "state": "active",
        "created_at": "2026-03-01T12:00:00Z",
        "claims": {"email": "a@a.example", "name": "Alice"},
    }
    assert services.users.passwords == {"alice": "correct horse"}


def test_claims_come_from_a_file_and_flags_override_it(latchkey: Latchkey, tmp_path: Path) -> None:
    file = tmp_path / "claims.json"
    file.write_text(json.dumps({"email": "old@a.example", "address": {"country": "FR"}, "updated_at": 5}))
    told = latchkey("user", "create", "alice", *PASSWORD, "--claims", str(file), "--email", "new@a.example", "--json")
    assert told.json["claims"] == {"email": "new@a.example", "address": {"country": "FR"}, "updated_at": 5}


def test_a_password_is_read_from_standard_input_without_its_line_end(
    latchkey: Latchkey, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(" with spaces \n"))
    latchkey("user", "create", "alice", "--password-stdin")
    assert services.users.passwords == {"alice": " with spaces "}


def test_a_password_is_never_shown(latchkey: Latchkey) -> None:
    answer = latchkey("user", "create", "alice", *PASSWORD)
    assert "alice" in answer.out
    assert "correct horse" not in answer.out + answer.err


@pytest.mark.parametrize("arguments", [
    ("user", "create", "alice"),
    ("user", "set-password", "alice"),
    ("user", "create", *PASSWORD),
    ("user", "create", "alice", "--username", "bob", *PASSWORD),
    ("user", "create", "alice", *PASSWORD, "--password-stdin"),
    ("user", "create", "alice", "--password-stdin", "--claims", "-"),
])  # fmt: skip
def test_a_command_line_that_says_too_little_or_too_much_is_refused(
    latchkey: Latchkey, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("piped"))
    answer = latchkey(*arguments)
    assert answer.code == 2
    assert answer.err.startswith("Error: ")
    assert latchkey(*arguments, "--json").error["error"] == "usage"


def test_a_new_password_is_set(latchkey: Latchkey, services: Services) -> None:
    latchkey("user", "create", "alice", *PASSWORD)
    told = latchkey("user", "set-password", "alice", "--password", "another one", "--json").json
    assert told == {"username": "alice", "password_changed": True}
    assert services.users.passwords == {"alice": "another one"}


def test_factors_are_reset(latchkey: Latchkey) -> None:
    latchkey("user", "create", "alice", *PASSWORD)
    told = latchkey("user", "reset-factors", "alice", "--json").json
    assert told == {"username": "alice", "factors_removed": 2}
    assert "password alone" in latchkey("user", "reset-factors", "alice").out


def test_a_disabled_user_is_shown_as_such(latchkey: Latchkey) -> None:
    latchkey("user", "create", "alice", *PASSWORD, "--email", "a@a.example")
    assert latchkey("user", "disable", "--username", "alice", "--json").json["state"] == "disabled"
    assert [user["state"] for user in latchkey("user", "list", "--json").json] == ["disabled"]
    assert "alice     disabled  a@a.example  user-1" in latchkey("user", "list").out


def test_a_name_that_could_steer_a_terminal_does_not(latchkey: Latchkey) -> None:
    latchkey("user", "create", "alice", *PASSWORD, "--email", "\x1b[2J[red]Alice")
    assert "[2J[red]Alice" in latchkey("user", "list").out
    assert "\x1b" not in latchkey("user", "list").out


def test_a_taken_name_is_told(latchkey: Latchkey) -> None:
    latchkey("user", "create", "alice", *PASSWORD)
    answer = latchkey("user", "create", "alice", *PASSWORD)
    assert (answer.code, answer.err) == (1, "Error: invalid_request: username is already in use.\n")


def test_claims_are_shown_and_changed(latchkey: Latchkey) -> None:
    latchkey("user", "create", "alice", "--password", "correct horse", "--email", "alice@example.com")
    told = latchkey("user", "update", "alice", "--claim", "name=Alice = A.", "--remove", "email", "--json").json
    assert told["claims"] == {"name": "Alice = A."}
    assert "Alice = A." in latchkey("user", "show", "alice").out


@pytest.mark.parametrize("arguments", [[], ["--claim", "name"], ["--claim", "=x"]])
def test_a_change_names_what_it_changes(latchkey: Latchkey, arguments: list[str]) -> None:
    latchkey("user", "create", "alice", "--password", "correct horse")
    answer = latchkey("user", "update", "alice", *arguments)
    assert (answer.code, answer.out) == (2, "")


HASH = "$2b$10$" + "a" * 53


def test_people_are_imported_line_by_line_and_faults_are_named(
    latchkey: Latchkey, services: Services, tmp_path: Path
) -> None:
    file = tmp_path / "people.ndjson"
    lines = [
        json.dumps({"username": "alice", "password_hash": HASH, "claims": {"email": "a@a.example"}}),
        "",
        "{not json",
        json.dumps({"username": "taken", "password_hash": HASH}),
        json.dumps({"username": "bob", "password": "in the clear"}),
        json.dumps({"username": "carol", "password_hash": HASH}),
    ]
    file.write_text("\n".join(lines))
    answer = latchkey("user", "import", str(file), "--json")
    assert answer.code == 1
    told = json.loads(answer.out)
    assert told["imported"] == 2
    assert [(fault["line"], fault["what"]) for fault in told["faults"]] == [
        (3, "is not JSON"),
        (4, "username is already in use."),
        (5, "has members that are not known: password"),
    ]
    assert services.users.imported == {"alice": HASH, "carol": HASH}
    assert "in the clear" not in answer.out + answer.err


def test_a_dry_run_imports_nobody(latchkey: Latchkey, services: Services, tmp_path: Path) -> None:
    file = tmp_path / "people.ndjson"
    file.write_text(json.dumps({"username": "alice", "password_hash": HASH}))
    answer = latchkey("user", "import", str(file), "--dry-run")
    assert "1 could be imported, 0 refused" in answer.out
    assert not services.users.imported


def test_somebody_is_invited(latchkey: Latchkey) -> None:
    told = latchkey("user", "invite", "erin", "--email", "erin@a.example", "--name", "Erin", "--json").json
    assert (told["username"], told["claims"]) == ("erin", {"email": "erin@a.example", "name": "Erin"})
    assert latchkey("user", "invite", "erin").code == 2

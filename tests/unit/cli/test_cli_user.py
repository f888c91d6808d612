import io
import json
from pathlib import Path

import pytest

from latchkey.authentication.v1 import accounts_pb2
from latchkey.authentication.v1 import admin_pb2 as users_pb2
from tests.unit.cli.conftest import Latchkey
from tests.unit.cli.serving import Services

pytestmark = pytest.mark.usefixtures("home")
PASSWORD = ("--password", "correct horse")


@pytest.mark.parametrize("name", [("alice",), ("--username", "alice")])
def test_user_create_sends_all_options(latchkey: Latchkey, services: Services, name: tuple[str, ...]) -> None:
    output = latchkey("user", "create", *name, *PASSWORD, "--email", "a@a.example", "--name", "Alice", "--json").json
    assert output == {
        "user_id": "user-1",
        "username": "alice",
        "email": "a@a.example",
        "state": "active",
        "created_at": "2026-03-01T12:00:00Z",
        "claims": {"email": "a@a.example", "name": "Alice"},
    }
    assert services.users.passwords == {"alice": "correct horse"}


def test_user_create_reads_claims_file_and_options_override_it(latchkey: Latchkey, tmp_path: Path) -> None:
    file = tmp_path / "claims.json"
    file.write_text(json.dumps({"email": "old@a.example", "address": {"country": "FR"}, "updated_at": 5}))
    output = latchkey("user", "create", "alice", *PASSWORD, "--claims", str(file), "--email", "new@a.example", "--json")
    assert output.json["claims"] == {"email": "new@a.example", "address": {"country": "FR"}, "updated_at": 5}


def test_password_from_stdin_is_read_without_line_end(
    latchkey: Latchkey, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(" with spaces \n"))
    latchkey("user", "create", "alice", "--password-stdin")
    assert services.users.passwords == {"alice": " with spaces "}


def test_password_is_never_printed(latchkey: Latchkey) -> None:
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
def test_user_commands_refuse_missing_or_conflicting_options(
    latchkey: Latchkey, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("piped"))
    answer = latchkey(*arguments)
    assert answer.code == 2
    assert answer.err.startswith("Error: ")
    assert latchkey(*arguments, "--json").error["error"] == "usage"


def test_user_set_password_sends_new_password(latchkey: Latchkey, services: Services) -> None:
    latchkey("user", "create", "alice", *PASSWORD)
    output = latchkey("user", "set-password", "alice", "--password", "another one", "--json").json
    assert output == {"username": "alice", "password_changed": True}
    assert services.users.passwords == {"alice": "another one"}


def test_user_reset_factors_shows_result(latchkey: Latchkey) -> None:
    latchkey("user", "create", "alice", *PASSWORD)
    output = latchkey("user", "reset-factors", "alice", "--json").json
    assert output == {"username": "alice", "factors_removed": 2}
    assert "Second factors of alice removed" in latchkey("user", "reset-factors", "alice").out


def test_user_disable_shows_state_disabled(latchkey: Latchkey) -> None:
    latchkey("user", "create", "alice", *PASSWORD, "--email", "a@a.example")
    assert latchkey("user", "disable", "--username", "alice", "--json").json["state"] == "disabled"
    assert [user["state"] for user in latchkey("user", "list", "--json").json["users"]] == ["disabled"]
    assert "alice     disabled  a@a.example  user-1" in latchkey("user", "list").out


def test_user_list_removes_terminal_control_characters(latchkey: Latchkey) -> None:
    latchkey("user", "create", "alice", *PASSWORD, "--email", "\x1b[2J[red]Alice")
    assert "[2J[red]Alice" in latchkey("user", "list").out
    assert "\x1b" not in latchkey("user", "list").out


def test_user_create_shows_error_for_taken_username(latchkey: Latchkey) -> None:
    latchkey("user", "create", "alice", *PASSWORD)
    answer = latchkey("user", "create", "alice", *PASSWORD)
    assert (answer.code, answer.err) == (1, "Error: invalid_request: username is already in use.\n")


def test_user_update_changes_claims(latchkey: Latchkey) -> None:
    latchkey("user", "create", "alice", "--password", "correct horse", "--email", "alice@example.com")
    output = latchkey("user", "update", "alice", "--claim", "name=Alice = A.", "--remove", "email", "--json").json
    assert output["claims"] == {"name": "Alice = A."}
    assert "Alice = A." in latchkey("user", "show", "alice").out


@pytest.mark.parametrize("arguments", [[], ["--claim", "name"], ["--claim", "=x"]])
def test_user_update_requires_a_change(latchkey: Latchkey, arguments: list[str]) -> None:
    latchkey("user", "create", "alice", "--password", "correct horse")
    answer = latchkey("user", "update", "alice", *arguments)
    assert (answer.code, answer.out) == (2, "")


HASH = "$2b$10$" + "a" * 53


def test_user_import_reports_invalid_lines_and_imports_the_others(
    latchkey: Latchkey, services: Services, tmp_path: Path
) -> None:
    file = tmp_path / "users.ndjson"
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
    output = json.loads(answer.out)
    assert output["imported"] == 2
    assert [(fault["line"], fault["what"]) for fault in output["faults"]] == [
        (3, "is not JSON"),
        (4, "username is already in use."),
        (5, "has unknown members: password"),
    ]
    assert services.users.imported == {"alice": HASH, "carol": HASH}
    assert "in the clear" not in answer.out + answer.err


def test_user_import_with_dry_run_imports_no_user(latchkey: Latchkey, services: Services, tmp_path: Path) -> None:
    file = tmp_path / "users.ndjson"
    file.write_text(json.dumps({"username": "alice", "password_hash": HASH}))
    answer = latchkey("user", "import", str(file), "--dry-run")
    assert "1 could be imported, 0 refused" in answer.out
    assert not services.users.imported


def test_user_invite_sends_invitation(latchkey: Latchkey) -> None:
    output = latchkey("user", "invite", "erin", "--email", "erin@a.example", "--name", "Erin", "--json").json
    assert (output["username"], output["claims"]) == ("erin", {"email": "erin@a.example", "name": "Erin"})
    assert latchkey("user", "invite", "erin").code == 2


def test_user_list_reads_page_by_page_up_to_the_limit(latchkey: Latchkey, services: Services) -> None:
    for name in ("alice", "bob", "carol", "dora", "erin"):
        latchkey("user", "create", name, *PASSWORD)
    everyone = latchkey("user", "list", "--json").json
    assert [user["username"] for user in everyone["users"]] == ["alice", "bob", "carol", "dora", "erin"]
    assert everyone["next"] == ""
    some = latchkey("user", "list", "--limit", "3", "--json").json
    assert [user["username"] for user in some["users"]] == ["alice", "bob", "carol"]
    rest = latchkey("user", "list", "--page", some["next"], "--json").json
    assert [user["username"] for user in rest["users"]] == ["dora", "erin"]
    assert f"--page {some['next']}" in latchkey("user", "list", "--limit", "3").out


def test_user_list_sends_its_filters(latchkey: Latchkey, services: Services) -> None:
    latchkey("user", "list", "--query", "ali", "--email", "a@a.example", "--state", "disabled", "--sort", "username")
    asked = services.users.listed[-1]
    assert (asked.query, asked.email, asked.state, asked.order) == (
        "ali",
        "a@a.example",
        accounts_pb2.ACCOUNT_STATE_DISABLED,
        users_pb2.USER_ORDER_USERNAME,
    )


@pytest.mark.parametrize("option", [("--state", "deleted"), ("--limit", "0"), ("--sort", "email")])
def test_user_list_refuses_invalid_options(latchkey: Latchkey, option: tuple[str, str]) -> None:
    assert latchkey("user", "list", *option).code == 2


def test_user_enable_shows_state_active(latchkey: Latchkey) -> None:
    latchkey("user", "create", "alice", *PASSWORD)
    latchkey("user", "disable", "alice")
    assert latchkey("user", "enable", "alice", "--json").json["state"] == "active"


def test_user_delete_without_terminal_requires_yes(
    latchkey: Latchkey, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    latchkey("user", "create", "alice", *PASSWORD)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    answer = latchkey("user", "delete", "alice")
    assert answer.code == 2
    assert "--yes" in answer.err
    assert "alice" in services.users.kept
    output = latchkey("user", "delete", "alice", "--yes", "--json").json
    assert output == {"user_id": "user-1", "deleted": True}
    assert not services.users.kept


def test_user_verify_email_states_that_the_address_is_verified(latchkey: Latchkey) -> None:
    latchkey("user", "create", "alice", *PASSWORD, "--email", "a@a.example")
    output = latchkey("user", "verify-email", "alice", "--json").json
    assert output["claims"] == {"email": "a@a.example", "email_verified": True}


def test_user_send_reset_sends_the_language(latchkey: Latchkey, services: Services) -> None:
    latchkey("user", "create", "alice", *PASSWORD)
    output = latchkey("user", "send-reset", "alice", "--language", "de", "--json").json
    assert output == {"username": "alice", "email_queued": True}
    assert services.users.resets == [("alice", "de")]


def test_user_sessions_are_listed_and_ended(latchkey: Latchkey, services: Services) -> None:
    latchkey("user", "create", "alice", *PASSWORD)
    listed = latchkey("user", "sessions", "list", "alice", "--json").json
    assert listed["user_id"] == "user-1"
    assert [each["session_id"] for each in listed["sessions"]] == ["s-1", "s-2"]
    assert listed["sessions"][0]["last_seen_at"] == "2026-03-01T12:00:00Z"
    ended = latchkey("user", "sessions", "end", "alice", "s-2", "--json").json
    assert ended == {"user_id": "user-1", "ended": ["s-2"]}
    assert latchkey("user", "sessions", "end", "alice", "--json").json["ended"] == ["s-1", "s-2"]
    assert "s-1" in latchkey("user", "sessions", "list", "alice").out


def test_user_grants_are_listed_and_revoked_by_user_id(latchkey: Latchkey, services: Services) -> None:
    latchkey("user", "create", "alice", *PASSWORD)
    listed = latchkey("user", "grants", "list", "alice", "--json").json
    assert listed["user_id"] == "user-1"
    assert [(each["client_id"], each["scopes"]) for each in listed["grants"]] == [("c-1", ["openid"])]
    revoked = latchkey("user", "grants", "revoke", "alice", "--client", "c-1", "--json").json
    assert revoked == {"user_id": "user-1", "client_id": "c-1", "revoked": 1}
    latchkey("user", "grants", "revoke", "alice")
    assert services.grants.revoked == [("user-1", "c-1"), ("user-1", "")]
    assert "c-1" in latchkey("user", "grants", "list", "alice").out


def test_user_import_reads_a_file_with_a_byte_order_mark_and_keeps_ids(
    latchkey: Latchkey, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = "\ufeff" + json.dumps({"username": "alice", "password_hash": HASH, "id": "old-sub"}) + "\r\n"
    file = tmp_path / "users.ndjson"
    file.write_text(content, encoding="utf-8")
    assert latchkey("user", "import", str(file), "--json").json["imported"] == 1
    monkeypatch.setattr("sys.stdin", io.StringIO(content))
    again = latchkey("user", "import", "-", "--update", "--json").json
    assert (again["imported"], again["updated"], again["faults"]) == (0, 1, [])
    assert "1 updated, 0 unchanged" in latchkey("user", "import", str(file), "--update").out


@pytest.mark.parametrize("user_id", ["", 5, None])
def test_user_import_refuses_an_invalid_id(latchkey: Latchkey, tmp_path: Path, user_id: object) -> None:
    file = tmp_path / "users.ndjson"
    file.write_text(json.dumps({"username": "alice", "password_hash": HASH, "id": user_id}))
    assert latchkey("user", "import", str(file)).code == 1


def test_user_import_reports_a_server_that_does_not_keep_ids(
    latchkey: Latchkey, services: Services, tmp_path: Path
) -> None:
    services.users.ignores_ids = True
    file = tmp_path / "users.ndjson"
    file.write_text(json.dumps({"username": "alice", "password_hash": HASH, "id": "old-sub"}))
    answer = latchkey("user", "import", str(file))
    assert answer.code == 1
    assert "cannot keep ids" in answer.out

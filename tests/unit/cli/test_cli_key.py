"""latchkey key: list, rotate, revoke, drill."""

import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from latchkey.keys.v1 import admin_pb2, keys_pb2
from latchkey.token.v1 import admin_pb2 as clients_pb2
from libs.cli import key_drill
from tests.unit.cli.conftest import Latchkey
from tests.unit.cli.serving import Services

pytestmark = pytest.mark.usefixtures("home")
NOON = "2026-03-01T12:00:00Z"


def test_key_list_shows_all_keys(latchkey: Latchkey, services: Services) -> None:
    assert latchkey("key", "list", "--json").json[0] == {
        "kid": "ES256-a",
        "alg": "ES256",
        "state": "active",
        "published_at": NOON,
        "activates_at": NOON,
        "kek": "file",
        "kek_version": 1,
    }
    services.key_admin.kept[0].retires_at.FromSeconds(1_772_366_400 + 86_400)
    output = latchkey("key", "list").out
    for text in ("ES256-a", "RS256-b", "next", "2026-03-02T12:00:00Z"):
        assert text in output


def test_key_rotate_shows_active_and_next_keys(latchkey: Latchkey) -> None:
    output = latchkey("key", "rotate", "--alg", "RS256", "--json").json
    assert [(key["kid"], key["state"]) for key in output] == [("RS256-b", "active")]
    assert "ES256-b is active since" in latchkey("key", "rotate", "--alg", "ES256").out


def test_key_rotate_says_that_the_rotation_is_scheduled_when_it_is_too_early(
    latchkey: Latchkey, services: Services
) -> None:
    services.key_admin.too_early = True
    answer = latchkey("key", "rotate")
    assert answer.code == 3
    assert "ES256: rotation to ES256-b is scheduled for 2026-03-01T12:00:00Z" in answer.out
    assert "Not rotated yet: ES256, RS256." in answer.err
    assert "--reason drill" in answer.err
    as_json = latchkey("key", "rotate", "--alg", "RS256", "--json")
    assert (as_json.code, [key["state"] for key in json.loads(as_json.out)]) == (3, ["active", "next"])


def test_key_rotate_shows_error_for_unknown_algorithm(latchkey: Latchkey) -> None:
    answer = latchkey("key", "rotate", "--alg", "none", "--json")
    assert (answer.code, answer.error["error"]) == (1, "invalid_request")


@pytest.mark.parametrize("reason", ["compromised", "suspected", "drill"])
def test_key_revoke_shows_reason_and_time_of_exposure(latchkey: Latchkey, services: Services, reason: str) -> None:
    output = latchkey("key", "revoke", "ES256-a", "--reason", reason, "--yes", "--json").json
    value = admin_pb2.RevocationReason.Value(f"REVOCATION_REASON_{reason.upper()}")
    assert services.key_admin.revoked == [("ES256-a", value)]
    assert (output["kid"], output["exposed_until"]) == ("ES256-a", "2026-03-01T12:25:00Z")
    assert output["keys"][0] | {"revoked_at": NOON, "revocation_reason": reason} == output["keys"][0]


def test_key_revoke_warns_when_no_key_is_active(latchkey: Latchkey, services: Services) -> None:
    answer = latchkey("key", "revoke", "ES256-a", "--reason", "suspected", "--yes")
    assert "ES256-a revoked" in answer.out
    assert "No tokens are signed with this algorithm" in answer.err
    services.key_admin.kept[3].state = keys_pb2.KEY_STATE_ACTIVE
    assert latchkey("key", "revoke", "RS256-a", "--reason", "suspected", "--yes").err == ""


@pytest.mark.parametrize("arguments", [("ES256-a",), ("ES256-a", "--reason", "boredom"), ("--reason", "drill")])
def test_key_revoke_requires_key_and_valid_reason(
    latchkey: Latchkey, services: Services, arguments: tuple[str, ...]
) -> None:
    assert latchkey("key", "revoke", *arguments).code == 2
    assert services.key_admin.revoked == []


def test_key_rewrap_shows_remaining_keys(latchkey: Latchkey) -> None:
    assert latchkey("key", "rewrap", "--json").json == {"rewrapped": 3, "remaining": 1}
    assert "1 keys remain" in latchkey("key", "rewrap").out


class _KeySet(BaseHTTPRequestHandler):
    kids: tuple[str, ...] = ()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"keys": [{"kid": kid} for kid in self.kids]}).encode())

    def log_message(self, *_: object) -> None:
        """Writes no log."""


def _set_issuer(home: Path, issuer: str) -> None:
    file = home / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"issuer": issuer}))


@pytest.fixture
def key_set(home: Path) -> Iterator[type[_KeySet]]:
    """The key set that the browser edge publishes."""

    class KeySet(_KeySet):
        kids = ("ES256-a", "ES256-b", "RS256-a", "RS256-b")

    server = HTTPServer(("127.0.0.1", 0), KeySet)
    Thread(target=server.serve_forever, daemon=True).start()
    _set_issuer(home, f"http://127.0.0.1:{server.server_port}")
    yield KeySet
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("key_set")
@pytest.mark.s(70)
def test_key_drill_rotates_and_checks_published_key_set(latchkey: Latchkey) -> None:
    report = latchkey("key", "drill", "--json").json
    assert report["passed"]
    assert [step["ok"] for step in report["steps"]] == [True] * 5
    assert {key["state"] for key in report["keys"]} == {"active", "retiring"}


def _use(kid: str, client_id: str) -> clients_pb2.FormerKeyUse:
    use = clients_pb2.FormerKeyUse(client_id=client_id, kid=kid, presented_as="userinfo", count=3)
    use.first_at.FromJsonString("2026-03-01T12:00:00Z")
    use.last_at.FromJsonString("2026-03-01T13:00:00Z")
    return use


@pytest.mark.usefixtures("key_set")
def test_key_drill_lists_clients_with_tokens_of_retired_keys(latchkey: Latchkey, services: Services) -> None:
    services.clients.retired_key_uses = [_use("ES256-a", "lagging"), _use("ES256-b", "prompt")]
    report = latchkey("key", "drill", "--watch", "0.01", "--json").json
    assert [use["client_id"] for use in report["clients"]] == ["lagging"]


def test_key_clients_lists_clients_with_tokens_of_retired_keys(latchkey: Latchkey, services: Services) -> None:
    assert "No client" in latchkey("key", "clients").out
    services.clients.retired_key_uses = [_use("ES256-a", "lagging")]
    assert latchkey("key", "clients", "--json").json == [
        {
            "client_id": "lagging",
            "kid": "ES256-a",
            "presented_as": "userinfo",
            "count": 3,
            "first_at": "2026-03-01T12:00:00Z",
            "last_at": "2026-03-01T13:00:00Z",
        }
    ]
    assert "lagging" in latchkey("key", "clients").out


@pytest.mark.usefixtures("key_set")
def test_key_drill_fails_without_next_key(latchkey: Latchkey, services: Services) -> None:
    del services.key_admin.kept[1]
    answer = latchkey("key", "drill")
    assert answer.code == 1
    assert "ES256 has no next key" in answer.out
    assert "Drill failed" in answer.out


@pytest.mark.usefixtures("key_set")
def test_key_drill_fails_when_next_key_was_published_too_recently(latchkey: Latchkey, services: Services) -> None:
    services.key_admin.too_early = True
    answer = latchkey("key", "drill")
    assert answer.code == 1
    assert f"not before {NOON}" in answer.out


def test_key_drill_fails_when_key_set_lacks_a_key(
    latchkey: Latchkey, key_set: type[_KeySet], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_drill, "SECONDS", 0.05)
    key_set.kids = ("ES256-a", "RS256-a", "RS256-b")
    answer = latchkey("key", "drill")
    assert answer.code == 1
    assert "not in the key set: ES256-b" in answer.out
    assert "keys still missing after 0.05 s" in answer.out


def test_key_drill_names_unreachable_key_set(latchkey: Latchkey, home: Path) -> None:
    with socket.socket() as closed:  # bound, but not listening: connections are refused
        closed.bind(("127.0.0.1", 0))
        issuer = f"http://127.0.0.1:{closed.getsockname()[1]}"
        _set_issuer(home, issuer)
        answer = latchkey("key", "drill", "--json")
    assert answer.code == 1
    assert f"{issuer}/jwks" in answer.error["error_description"]

"""latchkey key: looking at the keys, and what an emergency needs."""

import json
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


def test_all_keys_are_listed(latchkey: Latchkey, services: Services) -> None:
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
    told = latchkey("key", "list").out
    for text in ("ES256-a", "RS256-b", "next", "2026-03-02T12:00:00Z"):
        assert text in told


def test_a_rotation_says_what_signs_and_what_follows(latchkey: Latchkey) -> None:
    told = latchkey("key", "rotate", "--alg", "RS256", "--json").json
    assert [(key["kid"], key["state"]) for key in told] == [("RS256-b", "active")]
    assert "ES256-b signs since" in latchkey("key", "rotate", "--alg", "ES256").out


def test_an_algorithm_that_there_is_not_is_refused_by_the_service(latchkey: Latchkey) -> None:
    answer = latchkey("key", "rotate", "--alg", "none", "--json")
    assert (answer.code, answer.error["error"]) == (1, "invalid_request")


@pytest.mark.parametrize("reason", ["compromised", "suspected", "drill"])
def test_a_revoked_key_is_told_with_its_reason_and_how_long_others_may_have_it(
    latchkey: Latchkey, services: Services, reason: str
) -> None:
    told = latchkey("key", "revoke", "ES256-a", "--reason", reason, "--json").json
    value = admin_pb2.RevocationReason.Value(f"REVOCATION_REASON_{reason.upper()}")
    assert services.key_admin.revoked == [("ES256-a", value)]
    assert (told["kid"], told["exposed_until"]) == ("ES256-a", "2026-03-01T12:25:00Z")
    assert told["keys"][0] | {"revoked_at": NOON, "revocation_reason": reason} == told["keys"][0]


def test_people_are_told_when_nothing_signs(latchkey: Latchkey, services: Services) -> None:
    answer = latchkey("key", "revoke", "ES256-a", "--reason", "suspected")
    assert "ES256-a is revoked" in answer.out
    assert "Nothing is signed with this algorithm" in answer.err
    services.key_admin.kept[3].state = keys_pb2.KEY_STATE_ACTIVE
    assert latchkey("key", "revoke", "RS256-a", "--reason", "suspected").err == ""


@pytest.mark.parametrize("arguments", [("ES256-a",), ("ES256-a", "--reason", "boredom"), ("--reason", "drill")])
def test_a_key_is_not_revoked_by_half_a_command(
    latchkey: Latchkey, services: Services, arguments: tuple[str, ...]
) -> None:
    assert latchkey("key", "revoke", *arguments).code == 2
    assert services.key_admin.revoked == []


def test_rewrapping_says_what_is_left(latchkey: Latchkey) -> None:
    assert latchkey("key", "rewrap", "--json").json == {"rewrapped": 3, "remaining": 1}
    assert "1 are left" in latchkey("key", "rewrap").out


class _KeySet(BaseHTTPRequestHandler):
    kids: tuple[str, ...] = ()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"keys": [{"kid": kid} for kid in self.kids]}).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def key_set(home: Path) -> Iterator[type[_KeySet]]:
    """What the browser edge publishes."""

    class KeySet(_KeySet):
        kids = ("ES256-a", "ES256-b", "RS256-a", "RS256-b")

    server = HTTPServer(("127.0.0.1", 0), KeySet)
    Thread(target=server.serve_forever, daemon=True).start()
    file = home / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"issuer": f"http://127.0.0.1:{server.server_port}"}))
    yield KeySet
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("key_set")
@pytest.mark.s(70)
def test_a_drill_rotates_and_looks_from_outside(latchkey: Latchkey) -> None:
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
def test_a_drill_names_the_clients_that_still_show_tokens_of_the_old_keys(
    latchkey: Latchkey, services: Services
) -> None:
    services.clients.former_key_uses = [_use("ES256-a", "lagging"), _use("ES256-b", "prompt")]
    report = latchkey("key", "drill", "--watch", "0.01", "--json").json
    assert [use["client_id"] for use in report["clients"]] == ["lagging"]


def test_clients_with_tokens_of_former_keys_are_listed(latchkey: Latchkey, services: Services) -> None:
    assert "No client" in latchkey("key", "clients").out
    services.clients.former_key_uses = [_use("ES256-a", "lagging")]
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
def test_a_drill_fails_where_there_is_nothing_to_follow(latchkey: Latchkey, services: Services) -> None:
    del services.key_admin.kept[1]
    answer = latchkey("key", "drill")
    assert answer.code == 1
    assert "ES256 has no next key" in answer.out
    assert "The drill has failed" in answer.out


@pytest.mark.usefixtures("key_set")
def test_a_drill_fails_when_the_next_key_was_announced_too_shortly(latchkey: Latchkey, services: Services) -> None:
    services.key_admin.too_early = True
    answer = latchkey("key", "drill")
    assert answer.code == 1
    assert f"not before {NOON}" in answer.out


def test_a_drill_fails_when_the_key_set_lacks_a_key(
    latchkey: Latchkey, key_set: type[_KeySet], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_drill, "SECONDS", 0.05)
    key_set.kids = ("ES256-a", "RS256-a", "RS256-b")
    answer = latchkey("key", "drill")
    assert answer.code == 1
    assert "not in the key set: ES256-b" in answer.out
    assert "after 0.05 s it has not" in answer.out


def test_a_drill_says_when_the_key_set_cannot_be_read(latchkey: Latchkey) -> None:
    answer = latchkey("key", "drill", "--json")
    assert answer.code == 1
    assert "http://localhost:8080/jwks" in answer.error["error_description"]

import pytest

from tests.unit.cli.conftest import Latchkey
from tests.unit.cli.rpc import NOON
from tests.unit.cli.serving import Services

pytestmark = pytest.mark.usefixtures("home")
COMMAND = ("client", "registration-token")
DEFAULT = {
    "token_id": "token-1",
    "uses_left": 1,
    "created_at": "2026-03-01T12:00:00Z",
    "expires_at": "2026-03-01T13:00:00Z",
}


def test_registration_token_is_for_one_client_and_one_hour_by_default(latchkey: Latchkey) -> None:
    assert latchkey(*COMMAND, "create", "--json").json == {**DEFAULT, "initial_access_token": "secret-1"}
    output = latchkey(*COMMAND, "create", "--uses", "3", "--expires", "2d", "--json").json
    assert (output["uses_left"], output["expires_at"]) == (3, "2026-03-03T12:00:00Z")


def test_registration_token_is_shown_once_with_next_step(latchkey: Latchkey) -> None:
    out = latchkey(*COMMAND, "create").out
    assert "shown only once" in out
    assert "curl --header 'Authorization: Bearer secret-1'" in out
    assert "http://localhost:8081/register" in out
    listed = latchkey(*COMMAND, "list").out
    assert "token-1" in listed
    assert "secret" not in listed


def test_registration_token_can_be_revoked(latchkey: Latchkey, services: Services) -> None:
    assert latchkey(*COMMAND, "list").out == "No tokens.\n"
    latchkey(*COMMAND, "create")
    assert latchkey(*COMMAND, "list", "--json").json == [DEFAULT]
    assert latchkey(*COMMAND, "revoke", "token-1", "--json").json == {"token_id": "token-1", "revoked": True}
    assert services.clients.initial_tokens == {}
    assert latchkey(*COMMAND, "revoke", "token-1").err.startswith("Error: invalid_request: There is no initial")


@pytest.mark.parametrize("arguments", [("--expires", "soon"), ("--expires", "0h"), ("--uses", "0"), ("--uses", "x")])
def test_registration_token_create_refuses_invalid_options(
    latchkey: Latchkey, services: Services, arguments: tuple[str, ...]
) -> None:
    assert latchkey(*COMMAND, "create", *arguments).code == 2
    assert services.clients.initial_tokens == {}


def test_client_list_marks_dynamically_registered_clients(latchkey: Latchkey, services: Services) -> None:
    latchkey("client", "create", "--client-name", "Ours")
    latchkey("client", "create", "--client-name", "Theirs")
    services.clients.kept["client-2"].registration_expires_at.CopyFrom(NOON)
    ours, theirs = latchkey("client", "list").out.splitlines()[1:]
    assert ours.endswith("operator")
    assert theirs.endswith("itself")
    assert [each.get("registration_expires_at") for each in latchkey("client", "list", "--json").json] == [
        None,
        NOON.seconds,
    ]
    assert "expires_unused" in latchkey("client", "show", "client-2").out
    assert "expires_unused" not in latchkey("client", "show", "client-1").out

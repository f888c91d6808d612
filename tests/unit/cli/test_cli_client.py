import io
import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Latchkey
from tests.unit.cli.serving import Services

pytestmark = pytest.mark.usefixtures("home")


def test_client_create_sends_each_option_as_metadata_member(latchkey: Latchkey, services: Services) -> None:
    output = latchkey(
        *("client", "create", "--json", "--client-name", "Shop", "--consent", "skip", "--no-require-pkce"),
        *("--redirect-uri", "https://a.example/cb", "--redirect-uri", "https://b.example/cb"),
        *("--grant-type", "authorization_code", "--grant-type", "refresh_token", "--response-type", "code"),
        *("--token-endpoint-auth-method", "client_secret_post", "--scope", "openid profile", "--scope", "email"),
        *("--post-logout-redirect-uri", "https://a.example/bye", "--logo-uri", "https://a.example/logo"),
        *("--policy-uri", "https://a.example/policy", "--tos-uri", "https://a.example/tos"),
        *("--client-uri", "https://a.example", "--resource", "https://api.example", "--resource", "urn:x:api"),
        *("--serves", "https://a.example/api", "--subject-type", "pairwise"),
        *("--sector-identifier-uri", "https://a.example/sector", "--claims-in-access-token", "groups"),
    ).json
    assert output == {
        "client_id": "client-1",
        "client_secret": "secret-1",
        "client_secret_expires_at": 0,
        "client_id_issued_at": 1_772_366_400,
        "client_name": "Shop",
        "redirect_uris": ["https://a.example/cb", "https://b.example/cb"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_post",
        "scope": "openid profile email",
        "post_logout_redirect_uris": ["https://a.example/bye"],
        "logo_uri": "https://a.example/logo",
        "policy_uri": "https://a.example/policy",
        "tos_uri": "https://a.example/tos",
        "client_uri": "https://a.example",
        "resources": ["https://api.example", "urn:x:api"],
        "served_resources": ["https://a.example/api"],
        "subject_type": "pairwise",
        "sector_identifier_uri": "https://a.example/sector",
        "consent": "skip",
        "require_pkce": False,
        "claims_in_id_token": True,
        "claims_in_access_token": ["groups"],
    }


def test_client_create_leaves_claims_out_of_id_tokens_on_request(latchkey: Latchkey) -> None:
    assert latchkey("client", "create", "--no-claims-in-id-token", "--json").json["claims_in_id_token"] is False
    assert "claims_in_id_token" not in latchkey("client", "create", "--grant-type", "client_credentials", "--json").json


def test_client_create_reads_metadata_file_and_options_override_it(latchkey: Latchkey, tmp_path: Path) -> None:
    file = tmp_path / "client.json"
    file.write_text(json.dumps({"client_name": "File", "contacts": ["ops@a.example"], "default_max_age": 300}))
    output = latchkey("client", "create", "--metadata", str(file), "--client-name", "Flag", "--json").json
    assert (output["client_name"], output["contacts"], output["default_max_age"]) == ("Flag", ["ops@a.example"], 300)


def test_client_create_reads_metadata_from_stdin(latchkey: Latchkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"client_name": "Piped"}'))
    assert latchkey("client", "create", "--metadata", "-", "--json").json["client_name"] == "Piped"


@pytest.mark.parametrize(("content", "code"), [("{", 2), ("[]", 2), (None, 1)])
def test_client_create_names_unusable_metadata_file(
    latchkey: Latchkey, tmp_path: Path, content: str | None, code: int
) -> None:
    if content is not None:
        (tmp_path / "client.json").write_text(content)
    answer = latchkey("client", "create", "--metadata", str(tmp_path / "client.json"))
    assert answer.code == code
    assert answer.err.startswith("Error: --metadata: ")


def test_client_create_shows_secret_once_and_next_steps(latchkey: Latchkey) -> None:
    answer = latchkey(
        "client", "create", "--client-name", "Job", "--grant-type", "client_credentials", "--scope", "a b"
    )
    assert "client_secret  secret-1" in answer.out
    assert "shown only once" in answer.out
    assert (
        "curl --user client-1:secret-1 --data-urlencode grant_type=client_credentials "
        "--data-urlencode 'scope=a b' http://localhost:8081/token" in answer.out
    )
    assert "secret" not in latchkey("client", "show", "client-1").out


def test_next_step_requests_a_registered_resource(latchkey: Latchkey) -> None:
    resource = ("--resource", "https://api.example/orders")
    machine = latchkey("client", "create", "--grant-type", "client_credentials", *resource)
    assert "--data-urlencode resource=https://api.example/orders" in machine.out
    uri = ("--redirect-uri", "https://a.example/cb", "--grant-type", "authorization_code")
    web = latchkey("client", "create", *uri, *resource)
    assert "resource=https%3A%2F%2Fapi.example%2Forders" in web.out


def test_client_create_shows_sign_in_as_next_step_for_public_client(latchkey: Latchkey) -> None:
    answer = latchkey(
        *("client", "create", "--token-endpoint-auth-method", "none", "--grant-type", "authorization_code"),
        *("--redirect-uri", "http://127.0.0.1/cb"),
    )
    assert "client_secret" not in answer.out
    assert "http://localhost:8080/authorize?response_type=code&client_id=client-1" in answer.out
    assert "curl --data-urlencode client_id=client-1 --data-urlencode grant_type=authorization_code" in answer.out


@pytest.mark.parametrize("method", ["private_key_jwt", "client_secret_jwt"])
def test_client_create_shows_no_curl_command_for_jwt_authentication(latchkey: Latchkey, method: str) -> None:
    made = latchkey(
        *("client", "create", "--token-endpoint-auth-method", method, "--grant-type", "client_credentials"),
    )
    assert "client-1" in made.out
    assert "curl" not in made.out


def test_client_create_shows_login_command_for_device_client(latchkey: Latchkey) -> None:
    device = ("--grant-type", "urn:ietf:params:oauth:grant-type:device_code", "--token-endpoint-auth-method", "none")
    assert "latchkey login --device --client-id client-1" in latchkey("client", "create", *device).out


@pytest.mark.s(17)
def test_client_create_warns_about_insecure_metadata(latchkey: Latchkey, tmp_path: Path) -> None:
    implicit = ("--grant-type", "implicit", "--response-type")
    assert "RFC 9700 section 2.1.2" in latchkey("client", "create", *implicit, "id_token token").out
    assert "Note" not in latchkey("client", "create", *implicit, "id_token").out
    assert "RFC 9700 section 2.4" in latchkey("client", "create", "--grant-type", "password").out
    file = tmp_path / "client.json"
    file.write_text(json.dumps({"introspection": "all", "request_object_signing_alg": "none"}))
    assert latchkey("client", "create", "--metadata", str(file)).out.count("Note: ") == 2


def test_client_update_sends_given_members_and_removes_empty_ones(latchkey: Latchkey) -> None:
    latchkey("client", "create", "--client-name", "Old", "--tos-uri", "https://a.example/tos", "--scope", "openid")
    output = latchkey("client", "update", "client-1", "--client-name", "New", "--tos-uri", "", "--json").json
    assert output["client_name"] == "New"
    assert output["scope"] == "openid"
    assert "tos_uri" not in output


def test_client_list_reads_all_pages(latchkey: Latchkey) -> None:
    for number in range(5):
        latchkey("client", "create", "--client-name", f"Client {number}")
    output = latchkey("client", "list", "--json").json
    assert [client["client_name"] for client in output] == [f"Client {number}" for number in range(5)]
    assert "client-5   Client 4" in latchkey("client", "list").out


def test_client_list_says_that_there_are_no_clients(latchkey: Latchkey) -> None:
    assert latchkey("client", "list").out == "No clients yet: latchkey client create -h\n"
    assert latchkey("client", "list", "--json").json == []


def test_rotate_secret_sends_overlap(latchkey: Latchkey, services: Services) -> None:
    latchkey("client", "create")
    output = latchkey("client", "rotate-secret", "client-1", "--overlap", "3600", "--json").json
    assert (output["client_secret"], output["overlap_seconds"], services.clients.overlaps) == ("secret-2", 3600, [3600])
    assert "no longer valid" in latchkey("client", "rotate-secret", "--client-id", "client-1").out


DESTRUCTIVE = [
    ("client", "delete", "client-1"),
    ("key", "revoke", "ES256-a", "--reason", "drill"),
    ("subscriber", "delete", "billing-0a0b0c0d"),
    ("user", "delete", "alice"),
    ("webhook", "delete", "w-1"),
]


@pytest.mark.parametrize("arguments", DESTRUCTIVE, ids=" ".join)
def test_destructive_command_without_terminal_requires_yes(
    latchkey: Latchkey, services: Services, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    latchkey("client", "create")
    latchkey("user", "create", "alice", "--password", "correct horse")
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    answer = latchkey(*arguments)
    assert answer.code == 2
    assert "give --yes" in answer.err
    assert latchkey(*arguments, "--json").error["error"] == "usage"
    assert (len(services.clients.kept), len(services.users.kept), services.key_admin.revoked) == (1, 1, [])


def test_client_delete_without_terminal_deletes_with_yes(latchkey: Latchkey, services: Services) -> None:
    latchkey("client", "create")
    output = latchkey("client", "delete", "client-1", "--yes", "--json").json
    assert output == {"client_id": "client-1", "deleted": True}
    assert services.clients.kept == {}


@pytest.mark.parametrize(("query", "found"), [("sho", 1), ("WEB SH", 1), ("client", 2), ("client-2", 1), ("hop", 0)])
def test_client_list_finds_by_the_beginning_of_words(latchkey: Latchkey, query: str, found: int) -> None:
    latchkey("client", "create", "--client-name", "Web Shop")
    latchkey("client", "create", "--client-name", "Forum")
    assert len(latchkey("client", "list", "--query", query, "--json").json) == found
    assert len(latchkey("client", "list", "--json").json) == 2


@pytest.mark.parametrize(("reply", "left"), [("n\n", 1), ("", 1), ("y\n", 0)])
def test_client_delete_prompts_at_terminal(
    latchkey: Latchkey, services: Services, monkeypatch: pytest.MonkeyPatch, reply: str, left: int
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    latchkey("client", "create")
    monkeypatch.setattr("sys.stdin", Terminal(reply))
    answer = latchkey("client", "delete", "client-1")
    assert answer.code == left
    assert "Delete client client-1?" in answer.err
    assert len(services.clients.kept) == left


def test_client_delete_does_not_prompt_with_yes(latchkey: Latchkey, services: Services) -> None:
    latchkey("client", "create")
    assert latchkey("client", "delete", "client-1", "--yes").code == 0
    assert services.clients.kept == {}


@pytest.mark.parametrize("arguments", [
    ("client", "show", "unknown"),
    ("client", "update", "unknown", "--client-name", "x"),
    ("client", "delete", "unknown", "--yes"),
    ("client", "rotate-secret", "unknown"),
])  # fmt: skip
def test_service_error_is_one_line_with_its_error_code(latchkey: Latchkey, arguments: tuple[str, ...]) -> None:
    answer = latchkey(*arguments)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == "Error: invalid_request: There is no client with this id.\n"
    assert latchkey("--json", *arguments).error == {
        "error": "invalid_request",
        "error_description": "There is no client with this id.",
    }


def test_new_client_that_signs_gets_the_strict_rules_for_its_jwts(latchkey: Latchkey, tmp_path: Path) -> None:
    file = tmp_path / "client.json"
    keys = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example/jwks"}
    file.write_text(json.dumps(keys))
    assert latchkey("client", "create", "--metadata", str(file), "--json").json["strict_client_jwts"] is True
    file.write_text(json.dumps({**keys, "strict_client_jwts": False}))
    assert latchkey("client", "create", "--metadata", str(file), "--json").json["strict_client_jwts"] is False
    assert "strict_client_jwts" not in latchkey("client", "create", "--json").json

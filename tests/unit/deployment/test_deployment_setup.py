"""What the containers of the composed stack are given: each its own, once, and the same again."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from deploy.docker import addresses, roles
from deploy.docker.handout import PublicUrls, hand_out, run_file
from deploy.docker.setup import prepare
from deploy.local import run_file as local_run_file
from deploy.local.layout import Layout
from deploy.local.ports import Ports
from deploy.provision.home import Home
from libs.servicekit.grpc.identity import host_name

NOW = datetime(2026, 1, 1, tzinfo=UTC)
URLS = PublicUrls(issuer="http://localhost:8080", client_edge="http://localhost:8081")
IDENTITY = {"ca.pem", "certificate.pem", "key.pem", "nats.creds"}
EXPECTED = {
    "authorize-frontend": IDENTITY,
    "token": IDENTITY | {"pgpass", "session-attestation.key", "client-secret-pepper.key", "pairwise-salt.key"},
    "authentication": IDENTITY | {"pgpass", "session-attestation.key", "factor-encryption.key"},
    "device": IDENTITY | {"pgpass"},
    "key-rotation": IDENTITY | {"subscribers.creds", "readers.creds", "pgpass", "key-encryption.key"},
    "event-bridge": IDENTITY | {"pgpass", "reader.creds", "webhook-sealing.key"},
    "cli": IDENTITY | {"subscriber.creds", "hooks.creds", "subscribers.key", "run.json"},
    "nats": {"nats.conf", "operator.jwt", "data"},
    "postgres": {"roles.sql"},
}


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


@pytest.fixture
def handout(tmp_path, home):
    prepare(home, now=NOW)
    hand_out(home, tmp_path / "handout", URLS)
    return tmp_path / "handout"


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_setup_hands_each_container_only_its_own_files(handout):
    assert {owner.name: {path.name for path in owner.iterdir()} for owner in handout.iterdir()} == EXPECTED


def test_a_certificate_is_that_of_its_owner(handout):
    for owner in EXPECTED.keys() - {"nats", "postgres"}:
        certificate = x509.load_pem_x509_certificate((handout / owner / "certificate.pem").read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert list(names) == [x509.DNSName(host_name(owner))]


def test_what_is_private_is_readable_by_its_owner_only(handout):
    modes = {path.relative_to(handout): path.stat().st_mode & 0o777 for path in handout.rglob("*") if path.is_file()}
    readable = {str(path) for path, mode in modes.items() if mode != 0o600}
    assert readable == {"postgres/roles.sql"}


def test_what_the_database_server_reads_holds_no_password(handout):
    script = (handout / "postgres/roles.sql").read_text()
    passwords = {line.rsplit(":", 1)[1] for file in handout.rglob("pgpass") for line in file.read_text().split()}
    assert len(passwords) == 5
    assert not [password for password in passwords if password in script]


def test_setup_run_again_changes_no_secret_and_no_certificate(handout, home):
    before = content(handout)
    prepare(home, now=NOW + timedelta(days=1))
    hand_out(home, handout, URLS)
    after = content(handout)
    changed = {name for name in before if before[name] != after[name]}
    assert before.keys() == after.keys()
    # Tokens for NATS say when they were made; their keys stay.
    assert {name.split("/")[1] for name in changed} == {
        "nats.creds",
        "hooks.creds",
        "subscriber.creds",
        "reader.creds",
        "readers.creds",
        "subscribers.creds",
        "nats.conf",
        "operator.jwt",
    }


def test_setup_run_again_renews_a_certificate_that_is_about_to_expire(handout, home):
    before = content(handout)
    assert "token" in prepare(home, now=NOW + timedelta(days=80))
    hand_out(home, handout, URLS)
    assert content(handout)["token/certificate.pem"] != before["token/certificate.pem"]
    assert content(handout)["token/ca.pem"] == before["token/ca.pem"]


def test_the_command_line_finds_the_stack_as_it_finds_a_run_on_one_machine(home):
    local = local_run_file.describe(Layout(home, Ports.of({})))
    composed = run_file(URLS)
    assert composed.keys() == local.keys() - {"playground", "mail_port"}
    for part in ("services", "cli"):
        assert shape(composed[part]) == shape(local[part])
    assert json.dumps(composed)


def shape(value: Any) -> Any:
    return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else None


def test_cli_settings_name_files_that_setup_hands_out(handout):
    variables = json.loads((handout / "cli/run.json").read_text())
    paths = {*variables["cli"].values(), variables["subscriber_creds"]}
    assert paths <= {str(addresses.PRIVATE / path.name) for path in (handout / "cli").iterdir()}


def test_the_configuration_of_nats_names_paths_in_its_container(tmp_path):
    home = Home(tmp_path / "etc")
    prepare(home, now=NOW)
    text = (home.nats / "nats.conf").read_text().replace(str(home.root), str(addresses.PRIVATE))
    assert f'operator: "{addresses.PRIVATE}/nats/operator.jwt"' in text
    assert f'store_dir: "{addresses.PRIVATE}/nats/data"' in text


def test_a_verifier_is_what_rfc_7677_computes():
    """RFC 7677 3: user "user", password "pencil"; the server proves itself with the key that the verifier ends with."""
    verifier = roles.scram_verifier("pencil", salt=base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    first, keys = verifier.rsplit("$", 1)
    assert first == "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=="
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    messages = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}"
    proof = hmac.digest(base64.b64decode(keys.split(":")[1]), messages.encode(), "sha256")
    assert base64.b64encode(proof).decode() == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_the_password_file_names_server_database_and_role(handout):
    for owner, role in (("token", "token"), ("key-rotation", "key_rotation")):
        *where, password = (handout / owner / "pgpass").read_text().removesuffix("\n").split(":")
        assert where == ["postgres", "5432", "latchkey", role]
        assert len(base64.urlsafe_b64decode(password + "=")) == 32

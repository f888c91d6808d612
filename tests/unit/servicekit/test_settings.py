from ipaddress import ip_network
from pathlib import Path

import pytest

from libs.servicekit.base.settings import (
    Address,
    BusSettings,
    ConfigurationError,
    DatabaseSettings,
    GrpcSettings,
    HttpEdgeSettings,
    SecretKeyFile,
    load,
)
from tests.unit.servicekit.conftest import KEY


class EverySettings(GrpcSettings, HttpEdgeSettings, DatabaseSettings, BusSettings):
    own_key_file: SecretKeyFile


@pytest.fixture
def set_variable(environment, monkeypatch):
    return lambda name, value: monkeypatch.setenv(f"LATCHKEY_{name}", value)


def faults() -> dict[str, str]:
    """Variable -> what is wrong with it."""
    with pytest.raises(ConfigurationError) as refusal:
        load(EverySettings)
    headline, *lines = str(refusal.value).splitlines()
    assert headline == "Invalid configuration:"
    return dict(line.strip().split(": ", 1) for line in lines)


def test_settings_read_every_kind_of_field(environment):
    settings = load(EverySettings)
    assert settings.issuer == "https://id.example"
    assert settings.grpc_listen == Address("127.0.0.1", 9000)
    assert settings.http_listen == Address("::1", 8080)
    assert settings.tls_ca.name == "ca.pem"
    assert settings.own_key_file.get_secret_value() == KEY
    assert settings.trusted_proxies == ()
    assert settings.nats_creds is None
    assert settings.migrate_on_start is False
    assert (settings.log_level, settings.log_format) == ("info", "json")
    assert settings.ops_listen == Address("127.0.0.1", 0)


def test_configuration_error_lists_all_invalid_variables(environment, monkeypatch):
    for name in ("LATCHKEY_ISSUER", "LATCHKEY_DATABASE_URL", "LATCHKEY_GRPC_LISTEN", "LATCHKEY_OWN_KEY_FILE"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("LATCHKEY_TLS_KEY", "/nowhere/own.key")
    monkeypatch.setenv("LATCHKEY_LOG_LEVEL", "loud")
    monkeypatch.setenv("LATCHKEY_HTTP_LISTEN", "8080")
    assert faults() == {
        "LATCHKEY_ISSUER": "is missing",
        "LATCHKEY_DATABASE_URL": "is missing",
        "LATCHKEY_GRPC_LISTEN": "is missing",
        "LATCHKEY_OWN_KEY_FILE": "is missing",
        "LATCHKEY_TLS_KEY": "Path does not point to a file",
        "LATCHKEY_LOG_LEVEL": "Input should be 'debug', 'info', 'warning' or 'error'",
        "LATCHKEY_HTTP_LISTEN": "must be host:port, for example 127.0.0.1:8080",
    }


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("0.0.0.0:8080", Address("0.0.0.0", 8080)),
        ("localhost:0", Address("localhost", 0)),
        ("[::]:65535", Address("::", 65535)),
        ("::1:80", Address("::1", 80)),
    ],
)
def test_listen_address_is_parsed_into_host_and_port(set_variable, value, address):
    set_variable("GRPC_LISTEN", value)
    assert load(EverySettings).grpc_listen == address


@pytest.mark.parametrize("value", ["", "8080", ":8080", "localhost", "localhost:", "localhost:http", "a:-1", "a:65536"])
def test_malformed_listen_address_is_refused(set_variable, value):
    set_variable("GRPC_LISTEN", value)
    assert faults() == {"LATCHKEY_GRPC_LISTEN": "must be host:port, for example 127.0.0.1:8080"}


def test_listen_address_is_formatted_as_it_is_parsed():
    assert str(Address("127.0.0.1", 80)) == "127.0.0.1:80"
    assert str(Address("::1", 80)) == "[::1]:80"


@pytest.mark.s(45)
@pytest.mark.parametrize(
    ("value", "issuer"),
    [
        ("https://id.example", "https://id.example"),
        ("https://id.example/", "https://id.example"),
        ("https://id.example/tenant/", "https://id.example/tenant"),
        ("https://id.example:8443/a/b", "https://id.example:8443/a/b"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_issuer_may_be_https_or_a_loopback_url(set_variable, value, issuer):
    set_variable("ISSUER", value)
    assert load(EverySettings).issuer == issuer


@pytest.mark.s(45, 69)
@pytest.mark.parametrize(
    "value",
    [
        "",
        "id.example",
        "//id.example",
        "ftp://id.example",
        "https://",
        "http://id.example",
        "http://localhost.evil.example",
        "http://10.0.0.1",
        "https://id.example?",
        "https://id.example?tenant=1",
        "https://id.example#",
        "https://user@id.example",
        "https://id.example\\x",
        "https://id.example/a b",
        "https://id.exam\nple",
        "https://id.example:port",
        "https://id.example:99999",
        "https://[::1",
        "https://ídentity.example",
    ],
)
def test_other_issuer_urls_are_refused(set_variable, value):
    set_variable("ISSUER", value)
    assert list(faults()) == ["LATCHKEY_ISSUER"]


@pytest.mark.parametrize(
    ("value", "networks"),
    [
        ("", ()),
        ("10.0.0.0/8", ("10.0.0.0/8",)),
        (" 10.0.0.0/8 , 2001:db8::/32,192.0.2.7,", ("10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32")),
    ],
)
def test_trusted_proxies_are_parsed_as_networks(set_variable, value, networks):
    set_variable("TRUSTED_PROXIES", value)
    assert load(EverySettings).trusted_proxies == tuple(map(ip_network, networks))


@pytest.mark.parametrize("value", ["10.0.0.1/8", "proxy.example", "10.0.0.0/99", "*"])
def test_malformed_network_is_refused(set_variable, value):
    set_variable("TRUSTED_PROXIES", value)
    assert list(faults()) == ["LATCHKEY_TRUSTED_PROXIES"]


@pytest.mark.s(60)
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "must contain 32 random bytes as base64url text"),
        (b"aHVudGVyMg", "must contain 32 random bytes as base64url text"),
        (b"A" * 44, "must contain 32 random bytes as base64url text"),
        (b"A" * 41, "must contain base64url text"),
        (b"hunter2!" + b"A" * 43, "must contain base64url text"),
        (b"A" * 21 + b"\n" + b"A" * 22, "must contain base64url text"),
        (bytes(range(224, 256)), "must contain base64url text"),
    ],
)
def test_invalid_key_file_is_refused_without_its_contents(environment, content, fault):
    Path(environment["LATCHKEY_OWN_KEY_FILE"]).write_bytes(content)
    assert faults() == {"LATCHKEY_OWN_KEY_FILE": fault}


@pytest.mark.parametrize(
    "content",
    ["A" * 43, "A" * 43 + "=", " " + "A" * 43 + "\n\n", "__-_" + "A" * 39],
    ids=["bare", "padded", "lines", "url"],
)
def test_key_file_is_decoded_from_base64url(environment, content):
    Path(environment["LATCHKEY_OWN_KEY_FILE"]).write_text(content)
    assert len(load(EverySettings).own_key_file.get_secret_value()) == 32


def test_unreadable_key_file_is_refused_with_the_cause(set_variable, tmp_path):
    set_variable("OWN_KEY_FILE", str(tmp_path / "missing.key"))
    assert faults() == {"LATCHKEY_OWN_KEY_FILE": "cannot be read: No such file or directory"}
    set_variable("OWN_KEY_FILE", str(tmp_path))
    assert faults() == {"LATCHKEY_OWN_KEY_FILE": "cannot be read: Is a directory"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MIGRATE_ON_START", "perhaps"),
        ("NATS_REPLICAS", "0"),
        ("NATS_REPLICAS", "three"),
        ("NATS_CREDS", "/nowhere/token.creds"),
        ("SHUTDOWN_SECONDS", "-1"),
        ("SHUTDOWN_SECONDS", "0"),
        ("SHUTDOWN_SECONDS", "inf"),
        ("LOG_FORMAT", "xml"),
        ("TLS_CERTIFICATE", "/tmp"),
    ],
)
def test_invalid_value_is_reported_with_its_variable(set_variable, name, value):
    set_variable(name, value)
    assert list(faults()) == [f"LATCHKEY_{name}"]


@pytest.mark.s(60)
def test_settings_and_error_messages_contain_no_secret(environment, monkeypatch):
    settings = load(EverySettings)
    monkeypatch.setenv("LATCHKEY_ISSUER", "nonsense")
    with pytest.raises(ConfigurationError) as refusal:
        load(EverySettings)
    for text in (repr(settings), str(settings), str(refusal.value), repr(refusal.value)):
        assert "hunter2" not in text
        assert repr(KEY) not in text
    assert refusal.value.__cause__ is None


def test_settings_are_immutable(environment):
    with pytest.raises(ValueError, match="frozen"):
        load(EverySettings).issuer = "https://other.example"


def test_unrelated_environment_variables_are_ignored(set_variable):
    set_variable("SOMETHING_ELSE", "1")
    assert load(EverySettings)


@pytest.mark.parametrize("name", ["HTTP_TLS_CERTIFICATE", "HTTP_TLS_KEY"])
def test_edge_certificate_and_key_must_be_set_together(environment, set_variable, tmp_path, name):
    file = tmp_path / "edge.pem"
    file.write_text("x")
    set_variable(name, str(file))
    assert "must be set together" in str(faults())
    set_variable("HTTP_TLS_CERTIFICATE", str(file))
    set_variable("HTTP_TLS_KEY", str(file))
    assert load(EverySettings).http_tls_key == file

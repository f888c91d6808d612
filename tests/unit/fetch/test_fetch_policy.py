"""What an operator may allow, and what stays shut."""

from pathlib import Path

import pytest

from libs.fetch.errors import FetchRefused, Reason
from libs.fetch.policy import AllowedHost, FetchPolicy
from libs.fetch.settings import FetchSettings
from libs.fetch.url import parse_target
from libs.servicekit.base.settings import ConfigurationError, ServiceSettings, load

pytestmark = pytest.mark.s(43)


def allowing(*hosts: str, **policy: frozenset[int]) -> FetchPolicy:
    return FetchPolicy(allowed_private_hosts=frozenset(map(AllowedHost.parse, hosts)), **policy)  # type: ignore[arg-type]


def judged(policy: FetchPolicy, url: str, *addresses: str) -> Reason | None:
    target = parse_target(url)
    try:
        policy.check_port(target)
        policy.check_addresses(target, addresses)
    except FetchRefused as refusal:
        return refusal.reason
    return None


@pytest.mark.parametrize("port", [1, 22, 25, 80, 442, 444, 1024, 5432, 6379, 8443, 65535])
def test_only_port_443_is_permitted_by_default(port: int):
    assert judged(FetchPolicy(), f"https://client.test:{port}/", "8.8.8.8") is Reason.PORT


def test_further_ports_can_be_permitted():
    policy = FetchPolicy(ports=frozenset({443, 8443}))
    assert judged(policy, "https://client.test:8443/", "8.8.8.8") is None
    assert judged(policy, "https://client.test:8443/", "10.0.0.1") is Reason.ADDRESS_FORBIDDEN


@pytest.mark.parametrize(
    ("addresses", "reason"),
    [
        (["8.8.8.8", "2606:4700::1111"], None),
        (["8.8.8.8", "10.0.0.1"], Reason.ADDRESS_FORBIDDEN),
        (["8.8.8.8", "::ffff:8.8.8.8"], Reason.ADDRESS_FORBIDDEN),
        (["2606:4700::1111", "fe80::1%eth0"], Reason.ADDRESS_FORBIDDEN),
        (["8.8.8.8", "not an address"], Reason.ADDRESS_FORBIDDEN),
        (["0x08080808"], Reason.ADDRESS_FORBIDDEN),
        ([], Reason.UNRESOLVED),
    ],
)
def test_every_address_of_a_name_must_be_public(addresses: list[str], reason: Reason | None):
    assert judged(FetchPolicy(), "https://client.test/", *addresses) is reason


@pytest.mark.parametrize(
    ("url", "address", "reason"),
    [
        ("https://localhost:8443/", "127.0.0.1", None),
        ("https://LOCALHOST:8443/", "::1", None),
        ("https://localhost:8443/", "8.8.8.8", None),
        ("https://localhost:8443/", "169.254.169.254", Reason.ADDRESS_FORBIDDEN),
        ("https://localhost:8443/", "::ffff:127.0.0.1", Reason.ADDRESS_FORBIDDEN),
        ("https://localhost/", "127.0.0.1", Reason.ADDRESS_FORBIDDEN),
        ("https://localhost:8444/", "127.0.0.1", Reason.PORT),
        ("https://a.localhost:8443/", "127.0.0.1", Reason.PORT),
        ("https://intranet.test/", "10.0.0.1", None),
        ("https://intranet.test:8443/", "10.0.0.1", Reason.PORT),
        ("https://other.test/", "10.0.0.1", Reason.ADDRESS_FORBIDDEN),
        ("https://[0:0:0:0:0:0:0:1]:9443/", "::1", None),
        ("https://127.0.0.1:8443/", "127.0.0.1", Reason.PORT),
    ],
)
def test_allowed_private_hosts_permit_exact_matches_only(url: str, address: str, reason: Reason | None):
    policy = allowing("localhost:8443", "Intranet.test", "[::1]:9443")
    assert judged(policy, url, address) is reason


@pytest.mark.parametrize("entry", ["*", "*.test", "10.0.0.0/8", "https://localhost", "localhost:", "127.1", "::1", ""])
def test_allowed_private_hosts_refuse_wildcards(entry: str):
    with pytest.raises(ValueError, match="exact"):
        AllowedHost.parse(entry)


class Settings(FetchSettings, ServiceSettings):
    """A service that fetches."""


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    some_file = tmp_path / "some.pem"
    some_file.touch()
    monkeypatch.setenv("LATCHKEY_ISSUER", "https://issuer.test")
    for name in ("TLS_CA", "TLS_CERTIFICATE", "TLS_KEY"):
        monkeypatch.setenv(f"LATCHKEY_{name}", str(some_file))
    return monkeypatch


def test_private_addresses_are_refused_by_default(environment: pytest.MonkeyPatch):
    assert load(Settings).fetch_policy() == FetchPolicy()


def test_fetch_settings_are_read_from_the_environment(environment: pytest.MonkeyPatch, tmp_path: Path):
    environment.setenv("LATCHKEY_FETCH_ALLOWED_PRIVATE_HOSTS", "localhost:8443, intranet.test,")
    environment.setenv("LATCHKEY_FETCH_EXTRA_CA", str(tmp_path / "some.pem"))
    environment.setenv("LATCHKEY_FETCH_PORTS", "443,8443")
    environment.setenv("LATCHKEY_FETCH_TOTAL_SECONDS", "2.5")
    environment.setenv("LATCHKEY_FETCH_MOST_BYTES", "1000")
    assert load(Settings).fetch_policy() == FetchPolicy(
        allowed_private_hosts=frozenset({AllowedHost("localhost", 8443), AllowedHost("intranet.test")}),
        extra_ca=tmp_path / "some.pem",
        ports=frozenset({443, 8443}),
        total_seconds=2.5,
        max_bytes=1000,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_PRIVATE_HOSTS", "localhost:8443,*.test"),
        ("EXTRA_CA", "/nowhere/ca.pem"),
        ("PORTS", "443,0"),
        ("TOTAL_SECONDS", "inf"),
        ("MOST_BYTES", "1048577"),
    ],
)
def test_invalid_fetch_setting_is_reported_with_its_variable(environment: pytest.MonkeyPatch, name: str, value: str):
    environment.setenv(f"LATCHKEY_FETCH_{name}", value)
    with pytest.raises(ConfigurationError, match=f"LATCHKEY_FETCH_{name}"):
        load(Settings)

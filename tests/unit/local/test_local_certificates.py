import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from deploy.provision.ca import AUTHORITY_LIFE, LEAF_LIFE, LEAF_RENEWAL, ensure_certificates

NOW = datetime.now(UTC)  # the handshakes below are checked by OpenSSL, which reads the real clock
IDENTITIES = ("token", "cli")


def test_a_leaf_names_its_identity_and_nothing_else(tmp_path):
    ensure_certificates(tmp_path, IDENTITIES, now=NOW)
    leaf = x509.load_pem_x509_certificate((tmp_path / "token.pem").read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.DNSName("token.latchkey.internal")]
    assert leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


def test_both_sides_of_a_handshake_are_proved(tmp_path):
    ensure_certificates(tmp_path, IDENTITIES, now=NOW)
    seen = handshake(tmp_path, server="token", client="cli", expected="token.latchkey.internal")
    assert seen["subjectAltName"] == (("DNS", "cli.latchkey.internal"),)


def test_a_service_that_answers_for_another_is_refused(tmp_path):
    ensure_certificates(tmp_path, IDENTITIES, now=NOW)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(tmp_path, server="cli", client="cli", expected="token.latchkey.internal")


def test_what_is_good_is_left_alone(tmp_path):
    assert ensure_certificates(tmp_path, IDENTITIES, now=NOW) == ["ca", "token", "cli"]
    assert ensure_certificates(tmp_path, IDENTITIES, now=NOW + LEAF_LIFE - LEAF_RENEWAL - timedelta(days=1)) == []


def test_a_leaf_that_is_about_to_expire_is_renewed_by_the_same_authority(tmp_path):
    ensure_certificates(tmp_path, IDENTITIES, now=NOW)
    assert ensure_certificates(tmp_path, IDENTITIES, now=NOW + LEAF_LIFE - LEAF_RENEWAL) == ["token", "cli"]


def test_a_new_authority_renews_every_leaf(tmp_path):
    ensure_certificates(tmp_path, IDENTITIES, now=NOW)
    assert ensure_certificates(tmp_path, IDENTITIES, now=NOW + AUTHORITY_LIFE) == ["ca", "token", "cli"]


@pytest.mark.parametrize("damaged", ["token.pem", "token.key"])
def test_a_damaged_or_foreign_file_is_replaced(tmp_path, damaged):
    ensure_certificates(tmp_path, IDENTITIES, now=NOW)
    (tmp_path / damaged).write_bytes((tmp_path / damaged.replace("token", "cli")).read_bytes())
    assert ensure_certificates(tmp_path, IDENTITIES, now=NOW) == ["token"]


def test_keys_are_for_their_owner_only(tmp_path):
    ensure_certificates(tmp_path, IDENTITIES, now=NOW)
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}


def handshake(folder: Path, *, server: str, client: str, expected: str) -> dict[str, Any]:
    """TLS in memory; returns the certificate that the server saw."""
    server_side = context(folder, server, ssl.PROTOCOL_TLS_SERVER)
    client_side = context(folder, client, ssl.PROTOCOL_TLS_CLIENT)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    accepted = server_side.wrap_bio(to_server, to_client, server_side=True)
    connecting = client_side.wrap_bio(to_client, to_server, server_hostname=expected)
    pending = [connecting, accepted]
    for _ in range(10):
        for side in list(pending):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            pending.remove(side)
    assert not pending
    return accepted.getpeercert() or {}


def context(folder: Path, identity: str, protocol: int) -> ssl.SSLContext:
    made = ssl.SSLContext(protocol)
    made.load_cert_chain(folder / f"{identity}.pem", folder / f"{identity}.key")
    made.load_verify_locations(folder / "ca.pem")
    made.verify_mode = ssl.CERT_REQUIRED
    return made

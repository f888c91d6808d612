"""The certificate authority of an installation: one certificate per identity, for mutual TLS between services.

A certificate has one DNS name, `<identity>.latchkey.internal`, for client and server authentication. It is short-lived
and renewed at start. The authority is valid for years; its renewal renews all certificates.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.provision.home import write_private
from libs.servicekit.grpc.identity import host_name

AUTHORITY_LIFE = timedelta(days=3650)
AUTHORITY_RENEWAL = timedelta(days=120)
LEAF_LIFE = timedelta(days=90)
LEAF_RENEWAL = timedelta(days=14)
_BACKDATED = timedelta(minutes=5)  # for peers whose clock is slow


@dataclass(frozen=True)
class Issued:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def write(self, certificate: Path, key: Path) -> None:
        """Writes the key first, so that a certificate never exists without its key."""
        write_private(
            key,
            self.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )
        write_private(certificate, self.certificate.public_bytes(serialization.Encoding.PEM))


def ensure_certificates(folder: Path, identities: Iterable[str], *, now: datetime) -> list[str]:
    """Creates or renews `ca.pem` and `<identity>.pem` with their keys in `folder`; returns the names written."""
    written = []
    authority = _read(folder / "ca.pem", folder / "ca.key")
    if authority is None or _expires_within(authority, AUTHORITY_RENEWAL, now=now):
        authority = new_authority(now=now)
        authority.write(folder / "ca.pem", folder / "ca.key")
        written.append("ca")
    for identity in identities:
        paths = (folder / f"{identity}.pem", folder / f"{identity}.key")
        leaf = _read(*paths)
        if leaf is None or _expires_within(leaf, LEAF_RENEWAL, now=now) or not _issued_by(authority, leaf):
            issue(authority, identity, now=now).write(*paths)
            written.append(identity)
    return written


def new_authority(*, now: datetime) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Latchkey local authority")])
    builder = (
        _builder(subject=name, issuer=name, key=key, life=AUTHORITY_LIFE, now=now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Issued(builder.sign(key, hashes.SHA256()), key)


def issue(authority: Issued, identity: str, *, now: datetime) -> Issued:
    """A certificate for one identity, for example "token"."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, identity)])
    authority_key = authority.key.public_key()
    builder = (
        _builder(subject=name, issuer=authority.certificate.subject, key=key, life=LEAF_LIFE, now=now)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host_name(identity))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key), critical=False)
    )
    return Issued(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    *, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, life: timedelta, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + life)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _read(certificate: Path, key: Path) -> Issued | None:
    """The certificate and key in the files; None when they are missing, damaged or do not match."""
    try:
        read = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError):
        return None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != read.public_key():
        return None
    return Issued(read, private)


def _expires_within(issued: Issued, margin: timedelta, *, now: datetime) -> bool:
    return issued.certificate.not_valid_after_utc - margin <= now


def _issued_by(authority: Issued, leaf: Issued) -> bool:
    try:
        leaf.certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True

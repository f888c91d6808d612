"""Certificates for servers that play the outside world."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.provision.ca import Issued, new_authority


@dataclass(frozen=True)
class Authority:
    issued: Issued
    folder: Path

    @classmethod
    def new(cls, folder: Path) -> "Authority":
        authority = cls(new_authority(now=datetime.now(UTC)), folder)
        authority.issued.write(authority.pem, folder / "ca.key")
        return authority

    @property
    def pem(self) -> Path:
        return self.folder / "ca.pem"

    def server(
        self, *names: str, ends: timedelta = timedelta(hours=1), oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    ) -> ssl.SSLContext:
        """A server context for these host names and addresses."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = oldest
        paths = (self.folder / "leaf.pem", self.folder / "leaf.key")
        self._leaf(names, ends).write(*paths)
        context.load_cert_chain(*paths)
        return context

    def _leaf(self, names: Sequence[str], ends: timedelta) -> Issued:
        now = datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "outside")]))
            .issuer_name(self.issued.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=2))
            .not_valid_after(now + ends)
            .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
            .sign(self.issued.key, hashes.SHA256())
        )
        return Issued(certificate, key)


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)

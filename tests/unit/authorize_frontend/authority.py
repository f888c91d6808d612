"""A certificate authority for one test run: the fakes use mutual TLS, as the real services do."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from libs.servicekit.grpc.identity import host_name


class Authority:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        builder = self._builder(self._name, self._key.public_key()).add_extension(constraints, critical=True)
        (folder / "ca.pem").write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def files(self, identity: str) -> dict[str, Any]:
        """The three TLS settings of a service."""
        certificate, private = self._folder / f"{identity}.pem", self._folder / f"{identity}.key"
        if not private.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            name = x509.SubjectAlternativeName([x509.DNSName(host_name(identity))])
            builder = self._builder(x509.Name([]), key.public_key()).add_extension(name, critical=True)
            certificate.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))
            private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return {"tls_ca": self._folder / "ca.pem", "tls_certificate": certificate, "tls_key": private}

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(hours=1))
        )

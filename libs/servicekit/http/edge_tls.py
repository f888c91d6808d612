"""TLS of a public HTTP edge, for deployments without an ingress (RFC 9325)."""

import asyncio
import ssl
from pathlib import Path

from libs.servicekit.base import logs
from libs.servicekit.base.settings import HttpEdgeSettings

RELOAD_SECONDS = 60.0
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Cipher suites of TLS 1.2 with forward secrecy and authenticated encryption. All suites of TLS 1.3 have both."""
_log = logs.get(__name__)


class EdgeTls:
    """Server context for TLS 1.2 and 1.3 whose certificate can be replaced without a restart.

    Raises:
        OSError: the files cannot be read, or are not a certificate and its key.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_ciphers(_CIPHERS)
        self.context.set_alpn_protocols(["http/1.1"])
        self._loaded = self._state()
        self._load()

    @classmethod
    def of(cls, settings: HttpEdgeSettings) -> "EdgeTls | None":
        """Return None if the edge serves plain HTTP."""
        if settings.http_tls_certificate is None or settings.http_tls_key is None:
            return None
        return cls(settings.http_tls_certificate, settings.http_tls_key)

    async def run(self) -> None:
        """Background task: reload the certificate when its files have changed. New handshakes use it."""
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            self.reload_if_changed()

    def reload_if_changed(self) -> None:
        """Reload the files if they have changed. If they are invalid, the old certificate stays in use."""
        try:
            state = self._state()
            if state != self._loaded:
                self._load()
                self._loaded = state
                _log.info("edge_tls.certificate_reloaded", message="TLS certificate of the HTTP edge reloaded")
        except OSError as error:
            _log.error(
                "edge_tls.reload_failed",
                message="TLS certificate of the HTTP edge could not be reloaded",
                cause=str(error),
            )

    def _load(self) -> None:
        certificate, key = self._files
        try:
            # Try a separate context first: if the key does not match, the serving context must stay unchanged.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=self._no_password)
            self.context.load_cert_chain(certificate, key)
        except ssl.SSLError:
            raise OSError(f"{certificate} and {key} are not a certificate and its key (LATCHKEY_HTTP_TLS_…)") from None

    def _no_password(self) -> bytes:
        """Raise for an encrypted key; otherwise OpenSSL would prompt for a password on the terminal."""
        raise OSError(f"{self._files[1]} is encrypted; use an unencrypted key file (LATCHKEY_HTTP_TLS_KEY)")

    def _state(self) -> tuple[tuple[int, int], ...]:
        return tuple((stat.st_mtime_ns, stat.st_ino) for stat in (file.stat() for file in self._files))

"""TLS on a public edge, for those who run without an ingress (RFC 9325)."""

import asyncio
import ssl
from pathlib import Path

from libs.servicekit.base import logs
from libs.servicekit.base.settings import HttpEdgeSettings

LOOK_SECONDS = 60.0
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption alone. Those of TLS 1.3 are all like that."""
_log = logs.get(__name__)


class EdgeTls:
    """The server side of TLS 1.2 and 1.3 with a certificate that may be replaced while connections go on.

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
        """None when the edge speaks plain http."""
        if settings.http_tls_certificate is None or settings.http_tls_key is None:
            return None
        return cls(settings.http_tls_certificate, settings.http_tls_key)

    async def run(self) -> None:
        """A background task: a renewed certificate is taken for every handshake that follows."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """Loads the files when they have changed; what cannot be used leaves the old certificate in place."""
        try:
            state = self._state()
            if state != self._loaded:
                self._load()
                self._loaded = state
                _log.info("The certificate of the edge was renewed")
        except OSError as error:
            _log.error("The certificate of the edge cannot be renewed", cause=str(error))

    def _load(self) -> None:
        certificate, key = self._files
        try:
            # A context of its own first: loading a certificate without its key would leave ours with half of each.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=self._no_password)
            self.context.load_cert_chain(certificate, key)
        except ssl.SSLError:
            raise OSError(f"{certificate} and {key} are not a certificate and its key (LATCHKEY_HTTP_TLS_…)") from None

    def _no_password(self) -> bytes:
        """Else OpenSSL would ask for one at the terminal, at the start and at every renewal."""
        raise OSError(f"{self._files[1]} is encrypted; give a key file that is not (LATCHKEY_HTTP_TLS_KEY)")

    def _state(self) -> tuple[tuple[int, int], ...]:
        return tuple((stat.st_mtime_ns, stat.st_ino) for stat in (file.stat() for file in self._files))

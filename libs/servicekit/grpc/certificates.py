"""A service's internal certificate: read from its files, read again when they change, watched for expiry."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock, SystemClock
from libs.servicekit.base.metrics import CERTIFICATE_DAYS_LEFT
from libs.servicekit.base.service import CheckResult
from libs.servicekit.base.settings import ServiceSettings

CHECK_SECONDS: Final = 15.0
"""Between two looks at the files."""
WARNING_DAYS: Final = 14
_SECONDS_PER_DAY: Final = 86_400
_log = logs.get(__name__)


@dataclass(frozen=True)
class Certificate:
    """PEM of the authority, of the service's own certificate and of its key."""

    authority: bytes
    certificate: bytes
    key: bytes = field(repr=False)
    not_after: datetime

    @classmethod
    def read(cls, authority: Path, certificate: Path, key: Path) -> "Certificate":
        """Reads the three files.

        Raises:
            OSError: a file cannot be read, is not PEM, or the key belongs to another certificate.
        """
        read = cls._parsed(authority.read_bytes(), certificate.read_bytes(), key.read_bytes())
        if read is None:
            raise OSError(f"{certificate} and {key} are no certificate with its key, or {authority} is no certificate")
        return read

    @classmethod
    def _parsed(cls, authority: bytes, certificate: bytes, key: bytes) -> "Certificate | None":
        try:
            x509.load_pem_x509_certificates(authority)
            own = x509.load_pem_x509_certificate(certificate)
            belongs = load_pem_private_key(key, password=None).public_key() == own.public_key()
        except (ValueError, TypeError):
            return None
        return cls(authority, certificate, key, own.not_valid_after_utc) if belongs else None


class CertificateFiles:
    """The newest usable certificate of a service. Its files may be replaced at any time; no restart is needed.

    Args:
        monotonic: seconds of a clock that never goes back.

    Raises:
        OSError: see Certificate.read.
    """

    def __init__(self, settings: ServiceSettings, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._paths = (settings.tls_ca, settings.tls_certificate, settings.tls_key)
        self._monotonic = monotonic
        self._state = self._stat()
        self._current = Certificate.read(*self._paths)
        self._checked_at = monotonic()

    @property
    def current(self) -> Certificate:
        """The certificate to use now. Looks at the files at most every CHECK_SECONDS."""
        now = self._monotonic()
        if now - self._checked_at >= CHECK_SECONDS:
            self._checked_at = now
            self._reload()
        return self._current

    def _reload(self) -> None:
        """Keeps the current certificate while the new files cannot be used, for example half of them is written."""
        try:
            state = self._stat()
            if state == self._state:
                return
            self._current = Certificate.read(*self._paths)
            self._state = state
        except OSError as error:
            _log.error(
                "certificate.unusable", message="The renewed internal certificate cannot be used", cause=str(error)
            )
        else:
            not_after = self._current.not_after.isoformat()
            _log.info("certificate.renewed", message="The internal certificate was renewed", not_after=not_after)

    def _stat(self) -> tuple[tuple[int, int, int], ...]:
        return tuple((stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in (path.stat() for path in self._paths))


class CertificateCheck:
    """Readiness by the expiry of the service's own certificate, and the gauge for alerts."""

    def __init__(self, files: CertificateFiles, *, clock: Clock | None = None) -> None:
        self._files = files
        self._clock = clock or SystemClock()
        CERTIFICATE_DAYS_LEFT.set_function(self.days_left)

    def days_left(self) -> float:
        """Days until the certificate expires; negative afterwards."""
        return (self._files.current.not_after - self._clock.now()).total_seconds() / _SECONDS_PER_DAY

    async def check(self) -> CheckResult:
        """Not ready with an expired certificate: no other service accepts it."""
        days = self.days_left()
        not_after = self._files.current.not_after.isoformat()
        if days <= 0:
            return CheckResult(ok=False, detail=f"expired at {not_after}: replace LATCHKEY_TLS_CERTIFICATE and its key")
        detail = f"expires at {not_after}" if days < WARNING_DAYS else ""
        return CheckResult(ok=True, detail=detail)

"""Periodic self-test of the key-encryption key, for alerts (docs/keys.md)."""

from prometheus_client import Gauge

from libs.crypto.errors import SealBroken
from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base import logs
from libs.servicekit.base.service import CheckResult
from services.key_rotation.domain.seals import KeySeals

PROBE_SECONDS = 60.0
KEY_ENCRYPTION_UP = Gauge(
    "latchkey_key_encryption_up", "1 if the key-encryption key can encrypt and decrypt, otherwise 0."
)
_log = logs.get(__name__)


class SealingHealth:
    """Not required for readiness: token replicas that have the keys keep signing, and keys can be revoked."""

    def __init__(self, seals: KeySeals) -> None:
        self._seals = seals
        self._error = "not tested yet"

    async def probe(self) -> None:
        try:
            await self._seals.self_test()
        except (TemporarilyUnavailable, SealBroken) as error:
            self._error = error.reason if isinstance(error, TemporarilyUnavailable) else str(error)
            KEY_ENCRYPTION_UP.set(0)
            _log.error("kek.unusable", message="Key-encryption key is unusable", cause=self._error)
        else:
            self._error = ""
            KEY_ENCRYPTION_UP.set(1)

    async def check(self) -> CheckResult:
        return CheckResult(ok=not self._error, detail=self._error or "encrypts and decrypts", required=False)

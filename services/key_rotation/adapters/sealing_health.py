"""Can keys be sealed and opened now? Looked at by a timer, for alerts: docs/keys.md."""

from prometheus_client import Gauge

from libs.crypto.errors import SealBroken
from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base import logs
from libs.servicekit.base.service import CheckResult
from services.key_rotation.domain.seals import KeySeals

PROBE_SECONDS = 60.0
KEY_ENCRYPTION_UP = Gauge("latchkey_key_encryption_up", "Does the key-encryption key serve, wherever it is kept?")
_log = logs.get(__name__)


class SealingHealth:
    """Its check warns and never makes a replica unready: who has the keys needs nobody to open them, and a key can be
    revoked without.
    """

    def __init__(self, seals: KeySeals) -> None:
        self._seals = seals
        self._trouble = "not asked yet"

    async def probe(self) -> None:
        try:
            await self._seals.prove()
        except (TemporarilyUnavailable, SealBroken) as error:
            self._trouble = error.reason if isinstance(error, TemporarilyUnavailable) else str(error)
            KEY_ENCRYPTION_UP.set(0)
            _log.error("The key-encryption key does not serve", trouble=self._trouble)
        else:
            self._trouble = ""
            KEY_ENCRYPTION_UP.set(1)

    async def check(self) -> CheckResult:
        return CheckResult(ok=not self._trouble, detail=self._trouble or "seals and opens", required=False)

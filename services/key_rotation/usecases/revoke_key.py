"""The emergency: a key that somebody else has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.oauth.errors import InvalidRequest, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock
from services.key_rotation import events
from services.key_rotation.domain.keys import PUBLISHED, SIGNING, Key, KeyState, RevocationReason
from services.key_rotation.domain.rotation import revoked
from services.key_rotation.domain.waits import Waits
from services.key_rotation.ports import WorkFactory
from services.key_rotation.usecases.advance_keys import AdvanceKeys
from services.key_rotation.usecases.list_keys import ListKeys
from services.key_rotation.usecases.save_changes import save_changes

TRIES = 5
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Revocation:
    keys: Sequence[Key]
    """Of the algorithm: what is revoked, and what signs now and next."""
    exposed_until: datetime | None
    """Until then somebody's copy of the key set may have the key; None for one that had left the key set before."""


class RevokeKey:
    def __init__(
        self, *, list_keys: ListKeys, advance: AdvanceKeys, work: WorkFactory, waits: Waits, clock: Clock
    ) -> None:
        self._list_keys = list_keys
        self._advance = advance
        self._work = work
        self._waits = waits
        self._clock = clock

    async def __call__(self, kid: str, *, reason: RevocationReason) -> Revocation:
        """The key and all that it signed end now; after an active key the next one signs at once.

        The next one waits only when some cache of the key set may not have it yet: then nothing is signed until
        `activates_at`.

        Raises:
            InvalidRequest: KEY_UNKNOWN, KEY_REVOKED (before).
            TemporarilyUnavailable: KEYS_BUSY, or the database is away.
        """
        for _ in range(TRIES):
            history = await self._list_keys()
            key = next((key for key in history if key.kid == kid), None)
            if key is None:
                raise InvalidRequest("There is no key with this kid.", reason=Reason.KEY_UNKNOWN)
            if key.state is KeyState.REVOKED:
                raise InvalidRequest("The key is revoked already.", reason=Reason.KEY_REVOKED)
            now = self._clock.now()
            own = [each for each in history if each.alg == key.alg]
            changes = revoked(key, own, reason=reason, waits=self._waits, now=now)
            if await save_changes(self._work, changes, actor=events.ADMIN):
                await self._replace(key.alg)
                left = await self._list_keys((key.alg,))
                return Revocation(
                    keys=[each for each in left if each.state in SIGNING or each.state is KeyState.REVOKED],
                    exposed_until=now + self._waits.exposure if key.state in PUBLISHED else None,
                )
        raise TemporarilyUnavailable(reason=Reason.KEYS_BUSY, retry_after=1)

    async def _replace(self, alg: str) -> None:
        """Makes the new next key. It is revoked whatever happens here: the timer tries again."""
        try:
            await self._advance.settle((alg,))
        except TemporarilyUnavailable as error:
            _log.warning("The next key will be made later", alg=alg, reason=error.reason)

"""Revokes a key, for example after a compromise."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.oauth.errors import InvalidRequest, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock
from services.key_rotation import events
from services.key_rotation.domain.keys import PUBLISHED, SIGNING, Key, KeyState, RevocationReason
from services.key_rotation.domain.rotation import revocation_changes
from services.key_rotation.domain.rotation_policy import RotationPolicy
from services.key_rotation.ports import Begin
from services.key_rotation.usecases.advance_keys import AdvanceKeys
from services.key_rotation.usecases.list_keys import ListKeys
from services.key_rotation.usecases.save_changes import save_changes

TRIES = 5
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Revocation:
    keys: Sequence[Key]
    """Revoked, active and next keys of the algorithm."""
    exposed_until: datetime | None
    """Until this time copies of the key set may contain the key. None if it had left the key set before."""


@dataclass(kw_only=True)
class RevokeKey:
    list_keys: ListKeys
    advance: AdvanceKeys
    begin: Begin
    policy: RotationPolicy
    clock: Clock

    async def __call__(self, kid: str, *, reason: RevocationReason) -> Revocation:
        """Revoke the key. If it was active, the next key becomes active at once.

        If some copy of the key set may not contain the next key yet, nothing is signed until its `activates_at`.

        Raises:
            InvalidRequest: KEY_UNKNOWN, KEY_REVOKED (already revoked).
            TemporarilyUnavailable: KEYS_BUSY (another replica changes the same keys), or the database is unavailable.
        """
        for _ in range(TRIES):
            history = await self.list_keys()
            key = next((key for key in history if key.kid == kid), None)
            if key is None:
                raise InvalidRequest("kid does not match a signing key.", reason=Reason.KEY_UNKNOWN)
            if key.state is KeyState.REVOKED:
                raise InvalidRequest("The key is already revoked.", reason=Reason.KEY_REVOKED)
            now = self.clock.now()
            same_alg = [each for each in history if each.alg == key.alg]
            changes = revocation_changes(key, same_alg, reason=reason, policy=self.policy, now=now)
            if await save_changes(self.begin, changes, actor=events.ADMIN):
                await self._create_next(key.alg)
                left = await self.list_keys((key.alg,))
                return Revocation(
                    keys=[each for each in left if each.state in SIGNING or each.state is KeyState.REVOKED],
                    exposed_until=now + self.policy.exposure if key.state in PUBLISHED else None,
                )
        raise TemporarilyUnavailable(reason=Reason.KEYS_BUSY, retry_after=1)

    async def _create_next(self, alg: str) -> None:
        """Create the new next key. A failure does not undo the revocation: the rotation timer tries again."""
        try:
            await self.advance.settle((alg,))
        except TemporarilyUnavailable as error:
            _log.warning(
                "key.creation_delayed",
                message="The next signing key will be created later",
                alg=alg,
                reason=error.reason,
            )

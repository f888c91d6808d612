"""An operator rotates keys before their period ends."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.oauth.errors import InvalidRequest, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.key_rotation import events
from services.key_rotation.domain.keys import ALGS, SIGNING, Key
from services.key_rotation.domain.rotation import activate_early
from services.key_rotation.domain.rotation_policy import RotationPolicy
from services.key_rotation.ports import Begin
from services.key_rotation.usecases.advance_keys import AdvanceKeys
from services.key_rotation.usecases.list_keys import ListKeys
from services.key_rotation.usecases.save_changes import save_changes


@dataclass(kw_only=True)
class RotateKeys:
    list_keys: ListKeys
    advance: AdvanceKeys
    begin: Begin
    policy: RotationPolicy
    clock: Clock

    async def __call__(self, alg: str = "") -> list[Key]:
        """Activate the next keys now, or as soon as they were announced for long enough. Returns active and next keys.

        Raises:
            InvalidRequest: ALG_UNKNOWN.
            TemporarilyUnavailable: KEYS_BUSY, another replica changes the same keys.
        """
        if alg and alg not in ALGS:
            raise InvalidRequest(f"alg must be one of {', '.join(ALGS)}.", reason=Reason.ALG_UNKNOWN)
        algs = (alg,) if alg else ALGS
        await self.advance.settle(algs)
        for each in algs:
            await self._activate_early(each)
        await self.advance.settle(algs)
        return _signing(await self.list_keys(algs))

    async def _activate_early(self, alg: str) -> None:
        history = await self.list_keys((alg,))
        changes = activate_early(history, policy=self.policy, now=self.clock.now())
        if changes and not await save_changes(self.begin, changes, actor=events.ADMIN):
            raise TemporarilyUnavailable(reason=Reason.KEYS_BUSY, retry_after=1)


def _signing(keys: Sequence[Key]) -> list[Key]:
    return [key for key in keys if key.state in SIGNING]

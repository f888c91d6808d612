"""A turn that an operator brings forward."""

from collections.abc import Sequence

from libs.oauth.errors import InvalidRequest, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.key_rotation import events
from services.key_rotation.domain.keys import ALGS, SIGNING, Key
from services.key_rotation.domain.rotation import brought_forward
from services.key_rotation.domain.waits import Waits
from services.key_rotation.ports import WorkFactory
from services.key_rotation.usecases.advance_keys import AdvanceKeys
from services.key_rotation.usecases.list_keys import ListKeys
from services.key_rotation.usecases.save_changes import save_changes


class RotateKeys:
    def __init__(
        self, *, list_keys: ListKeys, advance: AdvanceKeys, work: WorkFactory, waits: Waits, clock: Clock
    ) -> None:
        self._list_keys = list_keys
        self._advance = advance
        self._work = work
        self._waits = waits
        self._clock = clock

    async def __call__(self, alg: str = "") -> list[Key]:
        """Active and next keys afterwards. A next key takes over now, or as soon as its announcement allows.

        Raises:
            InvalidRequest: ALG_UNKNOWN.
            TemporarilyUnavailable: KEYS_BUSY, another replica was changing the same keys.
        """
        if alg and alg not in ALGS:
            raise InvalidRequest("Nothing is signed with this algorithm.", reason=Reason.ALG_UNKNOWN)
        algs = (alg,) if alg else ALGS
        await self._advance.settle(algs)
        for each in algs:
            await self._bring_forward(each)
        await self._advance.settle(algs)
        return _signing(await self._list_keys(algs))

    async def _bring_forward(self, alg: str) -> None:
        history = await self._list_keys((alg,))
        changes = brought_forward(history, waits=self._waits, now=self._clock.now())
        if changes and not await save_changes(self._work, changes, actor=events.ADMIN):
            raise TemporarilyUnavailable(reason=Reason.KEYS_BUSY, retry_after=1)


def _signing(keys: Sequence[Key]) -> list[Key]:
    return [key for key in keys if key.state in SIGNING]

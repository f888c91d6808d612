"""Creates missing keys, so that every algorithm has an active and a next key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from libs.crypto.jwt import SigningKey
from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock
from services.key_rotation import events
from services.key_rotation.domain.keys import ALGS, Key, KeyState, missing_states
from services.key_rotation.domain.seals import KeySeals, SealedPrivateKey
from services.key_rotation.ports import Begin, Generate, View

_log = logs.get(__name__)


@dataclass(kw_only=True)
class EnsureKeys:
    """Any number of replicas may run this at the same time. The database keeps one key in each state."""

    view: View
    begin: Begin
    generate: Generate
    seals: KeySeals
    clock: Clock

    async def __call__(self, algs: Sequence[str] = ALGS) -> bool:
        """Create missing keys. Returns True if a key was added.

        Raises TemporarilyUnavailable if the database or the key-encryption key is unavailable.
        """
        added = False
        for alg in algs:
            async with self.view() as view:
                missing = missing_states(await view.keys.history(alg))
            # Keys are generated and wrapped before the transaction, because both can be slow.
            new = {state: await self._generate(alg) for state in missing}
            if new and await self._add(alg, new):
                added = True
        return added

    async def _generate(self, alg: str) -> tuple[SigningKey, SealedPrivateKey]:
        key = await self.generate(alg)
        return key, await self.seals.seal(key)

    async def _add(self, alg: str, new: Mapping[KeyState, tuple[SigningKey, SealedPrivateKey]]) -> bool:
        added: list[Key] = []
        async with self.begin() as work:
            # Another replica may have added keys since the first query. `add` detects one that commits meanwhile.
            for state in missing_states(await work.keys.history(alg)):
                if state not in new:
                    continue
                signing_key, private = new[state]
                key = Key.of(signing_key, state, private=private, now=self.clock.now())
                if await work.keys.add(key):
                    work.emit(*events.key_created(key))
                    added.append(key)
        for key in added:
            _log.info("key.created", message="Signing key created", kid=key.kid, alg=key.alg, state=key.state.value)
        return bool(added)

"""Every algorithm has one key that signs and one that comes next."""

from collections.abc import Mapping, Sequence

from libs.crypto.jwt import SigningKey
from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock
from services.key_rotation import events
from services.key_rotation.domain.keys import ALGS, Key, KeyState, missing_states
from services.key_rotation.domain.seals import KeySeals, SealedPrivateKey
from services.key_rotation.ports import Generate, ViewFactory, WorkFactory

_log = logs.get(__name__)


class EnsureKeys:
    """Any number of replicas may do this at once; which of their keys stays is decided by the database."""

    def __init__(
        self, *, view: ViewFactory, work: WorkFactory, generate: Generate, seals: KeySeals, clock: Clock
    ) -> None:
        self._view = view
        self._work = work
        self._generate = generate
        self._seals = seals
        self._clock = clock

    async def __call__(self, algs: Sequence[str] = ALGS) -> bool:
        """Make what is missing; was anything added?

        Raises TemporarilyUnavailable when the database is, or the key-encryption key.
        """
        added = False
        for alg in algs:
            async with self._view() as view:
                missing = missing_states(await view.keys.history(alg))
            # Before the transaction: making an RSA key can take a second, what wraps it may be far away, and a lock is
            # not held for that long.
            made = {state: await self._made(alg) for state in missing}
            if made and await self._add(alg, made):
                added = True
        return added

    async def _made(self, alg: str) -> tuple[SigningKey, SealedPrivateKey]:
        key = await self._generate(alg)
        return key, await self._seals.seal(key)

    async def _add(self, alg: str, made: Mapping[KeyState, tuple[SigningKey, SealedPrivateKey]]) -> bool:
        added: list[Key] = []
        async with self._work() as work:
            # Another replica may have been faster; one that is just as fast is told from ours by `add`.
            for state in missing_states(await work.keys.history(alg)):
                if state not in made:
                    continue
                signing_key, private = made[state]
                key = Key.of(signing_key, state, private=private, now=self._clock.now())
                if await work.keys.add(key):
                    work.emit(*events.key_made(key))
                    added.append(key)
        for key in added:
            _log.info("A signing key was made", kid=key.kid, alg=key.alg, state=key.state.value)
        return bool(added)

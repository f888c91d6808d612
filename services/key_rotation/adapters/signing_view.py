"""This replica's view of the keys that sign, for SigningService: the same rules as in a token replica's memory.

Looked at every second. While the database is away it signs with what it saw, for as long as a token replica would
(`LATCHKEY_KEY_VIEW_MAX_AGE_SECONDS`), and then no more. Private keys are opened when they are needed first, and dropped
with their turn.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from libs.crypto.jwt import SigningKey
from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.key_rotation.domain.keys import SIGNING, Key
from services.key_rotation.domain.seals import KeySeals
from services.key_rotation.domain.signing import signer
from services.key_rotation.ports import WorkFactory
from services.key_rotation.usecases.list_verification_keys import ListVerificationKeys

LOOK_SECONDS = 1.0


class SigningView:
    """The Signers port. `look` is for a timer."""

    def __init__(
        self,
        *,
        published: ListVerificationKeys,
        work: WorkFactory,
        seals: KeySeals,
        max_age: timedelta,
        clock: Clock,
    ) -> None:
        self._published = published
        self._work = work
        self._seals = seals
        self._max_age = max_age
        self._clock = clock
        self._keys: Sequence[Key] = ()
        self._seen_at: datetime | None = None
        self._looks = self._seen_by = 0
        self._opened: Mapping[str, SigningKey] = {}
        self._one_at_a_time = asyncio.Lock()

    async def look(self) -> None:
        """Raises TemporarilyUnavailable; what was seen before stays."""
        self._looks += 1
        this, seen_at = self._looks, self._clock.now()
        keys = await self._published()
        if this < self._seen_by:  # an answer that was long on its way: it may hold a key that was revoked since
            return
        self._seen_by = this
        self._keys, self._seen_at = keys, seen_at
        signing = {key.kid for key in keys if key.state in SIGNING}
        self._opened = {kid: key for kid, key in self._opened.items() if kid in signing}

    async def signer(self, alg: str, *, verifiable_for: timedelta) -> tuple[Key, SigningKey]:
        """The active key of the algorithm, kept published for `verifiable_for` after its last signature.

        Raises TemporarilyUnavailable: KEY_VIEW_STALE, KEY_MISSING, KEK_…, or the database is needed and away.
        """
        key = self._turn(alg)
        if key.signs_for < verifiable_for:
            async with self._work() as work:
                await work.keys.prolong(verifiable_for)
            await self.look()
            key = self._turn(alg)
        return key, self._opened.get(key.kid) or await self._open(key)

    def _turn(self, alg: str) -> Key:
        now = self._clock.now()
        if self._seen_at is None or abs(now - self._seen_at) > self._max_age:
            raise TemporarilyUnavailable(reason=Reason.KEY_VIEW_STALE, retry_after=5)
        key = signer(self._keys, alg, now=now)
        if key is None:
            raise TemporarilyUnavailable(reason=Reason.KEY_MISSING, retry_after=5)
        return key

    async def _open(self, key: Key) -> SigningKey:
        async with self._one_at_a_time:
            if key.kid in self._opened:
                return self._opened[key.kid]
            if key.private is None:
                raise TemporarilyUnavailable(reason=Reason.KEY_MISSING, retry_after=5)
            der = await self._seals.open(key.private, kid=key.kid, alg=key.alg)
            opened = SigningKey.from_pkcs8(key.kid, key.alg, der)
            if any(known.kid == key.kid and known.state in SIGNING for known in self._keys):
                self._opened = {**self._opened, key.kid: opened}
            return opened

"""In-memory view of the signing keys for SigningService, with the same rules as in a token replica.

The view is refreshed every second. While the database is unavailable it is used until it is older than
LATCHKEY_KEY_VIEW_MAX_AGE_SECONDS. Private keys are decrypted at their first use and dropped when they stop signing.
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
from services.key_rotation.ports import Begin
from services.key_rotation.usecases.list_verification_keys import ListVerificationKeys

LOOK_SECONDS = 1.0


class SigningView:
    """Implements the Signers port. A timer calls `look`."""

    def __init__(
        self,
        *,
        published: ListVerificationKeys,
        begin: Begin,
        seals: KeySeals,
        max_age: timedelta,
        clock: Clock,
    ) -> None:
        self._published = published
        self._begin = begin
        self._seals = seals
        self._max_age = max_age
        self._clock = clock
        self._keys: Sequence[Key] = ()
        self._seen_at: datetime | None = None
        self._looks = self._seen_by = 0
        self._opened: Mapping[str, SigningKey] = {}
        self._lock = asyncio.Lock()

    async def look(self) -> None:
        """Refresh the view. If it raises TemporarilyUnavailable, the earlier view stays."""
        self._looks += 1
        this, seen_at = self._looks, self._clock.now()
        keys = await self._published()
        if this < self._seen_by:  # a slow result of an earlier query, which may contain a key that was revoked since
            return
        self._seen_by = this
        self._keys, self._seen_at = keys, seen_at
        signing = {key.kid for key in keys if key.state in SIGNING}
        self._opened = {kid: key for kid, key in self._opened.items() if kid in signing}

    async def signer(self, alg: str, *, verifiable_for: timedelta) -> tuple[Key, SigningKey]:
        """Return the active key of the algorithm. It stays published for `verifiable_for` after its last signature.

        Raises TemporarilyUnavailable: KEY_VIEW_STALE, KEY_MISSING, KEK_…, or the database is unavailable.
        """
        key = self._active_key(alg)
        if key.signs_for < verifiable_for:
            async with self._begin() as work:
                await work.keys.prolong(verifiable_for)
            await self.look()
            key = self._active_key(alg)
        return key, self._opened.get(key.kid) or await self._open(key)

    def _active_key(self, alg: str) -> Key:
        now = self._clock.now()
        if self._seen_at is None or abs(now - self._seen_at) > self._max_age:
            raise TemporarilyUnavailable(reason=Reason.KEY_VIEW_STALE, retry_after=5)
        key = signer(self._keys, alg, now=now)
        if key is None:
            raise TemporarilyUnavailable(reason=Reason.KEY_MISSING, retry_after=5)
        return key

    async def _open(self, key: Key) -> SigningKey:
        async with self._lock:
            if key.kid in self._opened:
                return self._opened[key.kid]
            if key.private is None:
                raise TemporarilyUnavailable(reason=Reason.KEY_MISSING, retry_after=5)
            der = await self._seals.open(key.private, kid=key.kid, alg=key.alg)
            opened = SigningKey.from_pkcs8(key.kid, key.alg, der)
            if any(known.kid == key.kid and known.state in SIGNING for known in self._keys):
                self._opened = {**self._opened, key.kid: opened}
            return opened

"""This replica's view of the keys: private ones in memory only, switched by the clock (design: who signs).

Fetched every half minute from key-rotation, sealed to a key made for each fetch. A view that has become too old signs
nothing: the replica turns unready instead of using a key that may have been withdrawn.
"""

import asyncio
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from latchkey.keys.v1 import keys_pb2
from libs.crypto.jwt import KeySet, SigningKey, VerificationKey
from libs.crypto.sealing import Recipient, delivery_binding
from libs.oauth.errors import OAuthError, TemporarilyUnavailable
from libs.servicekit import logs
from libs.servicekit.clock import Clock
from libs.servicekit.service import CheckResult

if TYPE_CHECKING:  # the stubs know the asynchronous face, the module has one for both
    from latchkey.keys.v1.keys_pb2_grpc import SigningKeyServiceAsyncStub

REFRESH_SECONDS = 30.0
RETRY_SECONDS = 1.0
FACTS = "latchkey.v1.key.>"
_log = logs.get(__name__)


class KeyView:
    """`run` is a background task; until its first fetch there is no key and the replica is not ready."""

    def __init__(self, stub: "SigningKeyServiceAsyncStub", *, issuer: str, max_age: timedelta, clock: Clock) -> None:
        self._stub = stub
        self._issuer = issuer
        self._max_age = max_age
        self._clock = clock
        self._signing: dict[str, list[tuple[datetime, SigningKey]]] = {}
        self._verification = KeySet(())
        self._fetched_at: datetime | None = None
        self._look_now = asyncio.Event()

    def signer(self, alg: str, *, now: datetime) -> SigningKey:
        """The key whose turn came last. Raises TemporarilyUnavailable without a fresh view."""
        if self._fetched_at is None or now - self._fetched_at > self._max_age:
            raise TemporarilyUnavailable(reason="KEY_VIEW_STALE", retry_after=5)
        started = [key for activates_at, key in self._signing.get(alg, ()) if activates_at <= now]
        if not started:
            raise TemporarilyUnavailable(reason="KEY_MISSING", retry_after=5)
        return started[-1]

    @property
    def verification(self) -> KeySet:
        """Raises TemporarilyUnavailable before the first view: no token may be called invalid for that."""
        if self._fetched_at is None:
            raise TemporarilyUnavailable(reason="KEY_VIEW_MISSING", retry_after=5)
        return self._verification

    async def run(self) -> None:
        while True:
            self._look_now.clear()
            wait = REFRESH_SECONDS
            try:
                await self.refresh()
            except (OAuthError, ValueError) as error:  # ValueError: they came, and could not be opened or read
                _log.warning("The keys could not be fetched", cause=str(error))
                wait = RETRY_SECONDS
            try:
                await asyncio.wait_for(self._look_now.wait(), wait)
            except TimeoutError:
                continue

    async def on_fact(self, _subject: str) -> None:
        self._look_now.set()

    async def refresh(self) -> None:
        """Fetches once; the view is replaced as a whole or not at all.

        Raises:
            OAuthError: key-rotation cannot be reached.
            ValueError: what it sent is not for us, or no keys.
        """
        recipient = Recipient()
        asked_at = self._clock.now()
        response = await self._stub.GetSigningKeys(
            keys_pb2.GetSigningKeysRequest(recipient_public_key=recipient.public_key)
        )
        held = {key.kid: key for keys in self._signing.values() for _, key in keys}
        signing: dict[str, list[tuple[datetime, SigningKey]]] = defaultdict(list)
        for sealed in response.signing_keys:
            if sealed.HasField("activates_at"):
                key = held.get(sealed.kid) or self._open(sealed, recipient)
                signing[sealed.alg].append((sealed.activates_at.ToDatetime(tzinfo=UTC), key))
        for keys in signing.values():
            keys.sort(key=lambda entry: entry[0])
        verification = KeySet(VerificationKey.from_jwk(json.loads(key.jwk)) for key in response.verification_keys)
        self._signing, self._verification, self._fetched_at = dict(signing), verification, asked_at

    def _open(self, sealed: keys_pb2.SealedSigningKey, recipient: Recipient) -> SigningKey:
        der = recipient.open(
            sealed.sealed, bound_to=delivery_binding(issuer=self._issuer, kid=sealed.kid, alg=sealed.alg)
        )
        return SigningKey.from_pkcs8(sealed.kid, sealed.alg, der)

    async def check(self) -> CheckResult:
        now = self._clock.now()
        if self._fetched_at is None:
            return CheckResult(ok=False, detail="not fetched yet")
        age = now - self._fetched_at
        return CheckResult(ok=age <= self._max_age, detail=f"{int(age.total_seconds())} s old")

"""This replica's view of the keys: private ones in memory only, switched by the clock (design: who signs).

Fetched every half minute from key-rotation, sealed to a key made for each fetch. A view that has become too old signs
nothing: the replica turns unready instead of using a key that may have been withdrawn.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.duration_pb2 import Duration
from prometheus_client import Counter

from latchkey.keys.v1 import keys_pb2
from libs.crypto.jwt import KeySet, SigningKey, VerificationKey, sign_jwt
from libs.crypto.sealing import Recipient, delivery_binding
from libs.oauth.errors import OAuthError, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock
from libs.servicekit.base.metrics import KEY_VIEW_AGE_SECONDS
from libs.servicekit.base.service import CheckResult
from libs.servicekit.events.consumer import Received
from services.token.adapters.retired_keys import RetiredKeys
from services.token.domain.tokens.retired_keys import PresentedAs

if TYPE_CHECKING:  # the stubs know the asynchronous face, the module has one for both
    from latchkey.keys.v1.keys_pb2_grpc import SigningKeyServiceAsyncStub

REFRESH_SECONDS = 30.0
RETRY_SECONDS = 1.0
EVENTS = "latchkey.v1.key.>"
UNKNOWN_KID = Counter(
    "latchkey_unknown_kid_total", "Tokens that clients sent and whose kid is not in the published key set."
)
_REVOKED: Final = "latchkey.key.revoked.v1"
_OLDER_CODE_VALID_FOR: Final = timedelta(minutes=5)
_log = logs.get(__name__)


class _OwnKeys(KeySet):
    """Nothing is fetched for a `kid` that is not there, however many come: every key is here long before it signs."""

    def find(self, kid: str) -> VerificationKey | None:
        key = super().find(kid)
        if key is None:
            UNKNOWN_KID.inc()
        return key


class KeyView:
    """`run` is a background task; until its first fetch there is no key and the replica is not ready.

    Args:
        verifiable_for: the longest life of anything that is signed here; key-rotation keeps the keys for longer.
        private: hold the private keys as well; without them nothing is signed here.
        retired: is updated with every fetched key set.
    """

    def __init__(
        self,
        stub: "SigningKeyServiceAsyncStub",
        *,
        issuer: str,
        verifiable_for: timedelta,
        clock: Clock,
        private: bool = True,
        retired: RetiredKeys | None = None,
    ) -> None:
        self._retired = retired or RetiredKeys(clock=clock)
        self._stub = stub
        self._private = private
        self._issuer = issuer
        self._verifiable_for = Duration()
        self._verifiable_for.FromTimedelta(verifiable_for)
        self._clock = clock
        self._signing: dict[str, list[tuple[datetime, SigningKey]]] = {}
        self._active: frozenset[str] = frozenset()
        self._verification: KeySet = _OwnKeys(())
        self._revoked: set[str] = set()
        self._fetched_at: datetime | None = None
        self._valid_for = _OLDER_CODE_VALID_FOR
        self._look_now = asyncio.Event()

    def signer(self, alg: str, *, now: datetime) -> SigningKey:
        """The key whose turn came last. Raises TemporarilyUnavailable without a fresh view."""
        self.require_fresh(now)
        # An active key's turn has come, even if our clock is behind.
        started = [key for turn, key in self._signing.get(alg, ()) if turn <= now or key.kid in self._active]
        if not started:
            raise TemporarilyUnavailable(reason=Reason.KEY_MISSING, retry_after=5)
        return started[-1]

    async def sign(self, claims: Mapping[str, Any], *, alg: str, typ: str, now: datetime) -> str:
        """With a key in our memory. Raises TemporarilyUnavailable as `signer` does."""
        return sign_jwt(claims, self.signer(alg, now=now), typ=typ)

    def record_presented(self, token: str, presented_as: PresentedAs) -> None:
        self._retired.record_presented(token, presented_as)

    def require_fresh(self, now: datetime) -> None:
        """Raises TemporarilyUnavailable (KEY_VIEW_STALE)."""
        if not self._is_fresh(now):
            raise TemporarilyUnavailable(reason=Reason.KEY_VIEW_STALE, retry_after=5)

    def publishes(self, kid: str) -> bool:
        """Return whether the key set contains the key. Does not count an unknown kid."""
        return any(key.kid == kid for key in self._verification)

    @property
    def verification(self) -> KeySet:
        """Raises TemporarilyUnavailable before the first view: no token may be called invalid for that."""
        if self._fetched_at is None:
            raise TemporarilyUnavailable(reason=Reason.KEY_VIEW_MISSING, retry_after=5)
        return self._verification

    async def run(self) -> None:
        while True:
            self._look_now.clear()
            wait = REFRESH_SECONDS
            try:
                await self.refresh()
            except (OAuthError, ValueError) as error:  # ValueError: they came, and could not be opened or read
                _log.warning(
                    "signing_keys.fetch_failed",
                    message="Could not fetch signing keys from key-rotation",
                    cause=str(error),
                )
                wait = RETRY_SECONDS
            try:
                await asyncio.wait_for(self._look_now.wait(), wait)
            except TimeoutError:
                continue

    async def on_event(self, envelope: bytes) -> None:
        """Refresh after a key event. A revoked key is dropped even if key-rotation is unavailable."""
        self._look_now.set()
        event = Received.of(envelope)
        if event.type == _REVOKED:
            self._revoked.add(event.subject)
            self._drop_revoked()

    async def refresh(self) -> None:
        """Fetches once; the view is replaced as a whole or not at all.

        Raises:
            OAuthError: key-rotation cannot be reached.
            ValueError: what it sent is not for us, or no keys.
        """
        recipient = Recipient()
        asked_at = self._clock.now()
        response = await self._stub.GetSigningKeys(
            keys_pb2.GetSigningKeysRequest(
                recipient_public_key=recipient.public_key,
                verifiable_for=self._verifiable_for,
                held_kids=[key.kid for keys in self._signing.values() for _, key in keys],
                without_private_keys=not self._private,
            )
        )
        signing = self._opened(response, recipient) if self._private else {}
        verification = _OwnKeys(VerificationKey.from_jwk(json.loads(key.jwk)) for key in response.verification_keys)
        self._signing, self._verification, self._fetched_at = signing, verification, asked_at
        self._active = frozenset(
            key.kid for key in response.verification_keys if key.state == keys_pb2.KEY_STATE_ACTIVE
        )
        serving = {keys_pb2.KEY_STATE_NEXT, keys_pb2.KEY_STATE_ACTIVE}
        self._retired.see(verification, serving=[k.kid for k in response.verification_keys if k.state in serving])
        given = response.HasField("valid_for")
        self._valid_for = response.valid_for.ToTimedelta() if given else _OLDER_CODE_VALID_FOR
        self._drop_revoked()

    def _opened(
        self, response: keys_pb2.GetSigningKeysResponse, recipient: Recipient
    ) -> dict[str, list[tuple[datetime, SigningKey]]]:
        """The keys of each algorithm that have a turn, in the order of their turns; each is parsed once."""
        held = {key.kid: key for keys in self._signing.values() for _, key in keys}
        signing: dict[str, list[tuple[datetime, SigningKey]]] = defaultdict(list)
        for sealed in response.signing_keys:
            if sealed.HasField("activates_at") and sealed.kid not in self._revoked:
                key = held.get(sealed.kid) or self._open(sealed, recipient)
                signing[sealed.alg].append((sealed.activates_at.ToDatetime(tzinfo=UTC), key))
        for keys in signing.values():
            keys.sort(key=lambda entry: entry[0])
        return dict(signing)

    def _open(self, sealed: keys_pb2.SealedSigningKey, recipient: Recipient) -> SigningKey:
        if not sealed.sealed:
            raise ValueError("key-rotation does not export private keys: set LATCHKEY_SIGNING=remote")
        der = recipient.open(
            sealed.sealed, bound_to=delivery_binding(issuer=self._issuer, kid=sealed.kid, alg=sealed.alg)
        )
        return SigningKey.from_pkcs8(sealed.kid, sealed.alg, der)

    def _drop_revoked(self) -> None:
        """What is revoked stays so, though an answer from before it may arrive after."""
        if not self._revoked:
            return
        self._signing = {
            alg: [entry for entry in keys if entry[1].kid not in self._revoked] for alg, keys in self._signing.items()
        }
        self._verification = _OwnKeys(key for key in self._verification if key.kid not in self._revoked)

    def _is_fresh(self, now: datetime) -> bool:
        """A fetch time in the future is stale too: the clock was set back, so its age is unknown."""
        return self._fetched_at is not None and abs(now - self._fetched_at) <= self._valid_for

    async def check(self) -> CheckResult:
        now = self._clock.now()
        if self._fetched_at is None:
            return CheckResult(ok=False, detail="not fetched yet")
        age = int((now - self._fetched_at).total_seconds())
        KEY_VIEW_AGE_SECONDS.set(age)
        return CheckResult(ok=self._is_fresh(now), detail=f"{age} s old")

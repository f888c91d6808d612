"""The public keys, held in memory: a key-rotation service that is away takes nothing from those who verify tokens."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from google.protobuf.duration_pb2 import Duration

from latchkey.keys.v1.keys_pb2 import ListVerificationKeysRequest, VerificationKey
from libs.crypto.errors import InvalidKey
from libs.crypto.jwk import load_public_key, public_jwk
from libs.crypto.strict import json_object
from libs.oauth.errors import OAuthError
from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock
from libs.servicekit.base.metrics import KEY_VIEW_AGE_SECONDS
from libs.servicekit.base.service import CheckResult
from libs.servicekit.events.consumer import Received

if TYPE_CHECKING:
    from latchkey.keys.v1.keys_pb2_grpc import VerificationKeyServiceAsyncStub

_log = logs.get(__name__)
REFRESH_SECONDS = 30.0
FIRST_LOAD_SECONDS = 1.0
_REVOKED: Final = "latchkey.key.revoked.v1"
_OLDER_CODE_CACHEABLE_FOR: Final = timedelta(minutes=5)
_OLDER_CODE_VALID_FOR: Final = timedelta(minutes=15)


class PublishedKeys:
    """The key set document (RFC 7517 5), refreshed every 30 s and whenever an event about keys arrives.

    An answer without a usable key replaces nothing: a set that was good once verifies more than an empty one. But one
    that is older than key-rotation allows is published no more: a key that it lacks may sign by now, and one that it
    has may be revoked.
    """

    def __init__(self, stub: "VerificationKeyServiceAsyncStub", *, clock: Clock) -> None:
        self._stub = stub
        self._clock = clock
        self._news = asyncio.Event()
        self._keys: list[dict[str, str]] = []
        self._revoked: set[str] = set()
        self._document: bytes | None = None
        self._fetched_at: datetime | None = None
        self._valid_for = _OLDER_CODE_VALID_FOR
        self.cacheable_for = _OLDER_CODE_CACHEABLE_FOR
        """How long others may keep the document."""

    @property
    def document(self) -> bytes | None:
        """JSON; None until the first load, and when it is too old."""
        return self._document if self._is_fresh() else None

    async def refresh(self) -> None:
        """Asks for the keys now. Raises: OAuthError."""
        asked_at = self._clock.now()
        answer = await self._stub.ListVerificationKeys(ListVerificationKeysRequest())
        keys = [jwk for key in answer.keys if (jwk := _jwk(key)) is not None]
        if not keys:
            _log.error("The key-rotation service lists no usable key")
            return
        self._keys, self._fetched_at = keys, asked_at
        self.cacheable_for = _given(answer.cacheable_for) or _OLDER_CODE_CACHEABLE_FOR
        self._valid_for = _given(answer.valid_for) or _OLDER_CODE_VALID_FOR
        self._write()

    async def run(self) -> None:
        """The background task: until cancelled."""
        while True:
            self._news.clear()
            try:
                await self.refresh()
            except OAuthError as error:
                _log.warning("The keys cannot be refreshed", reason=error.reason)
            await self._wait(FIRST_LOAD_SECONDS if self.document is None else REFRESH_SECONDS)

    async def on_event(self, envelope: bytes) -> None:
        """Something happened to a key: look at once. A revoked one is dropped even if key-rotation is away."""
        self._news.set()
        event = Received.of(envelope)
        if event.type == _REVOKED:
            self._revoked.add(event.subject)
            self._write()

    async def check(self) -> CheckResult:
        """Unready until the first load: another replica may have the keys. Later it is a warning: all else goes on."""
        if self._fetched_at is None:
            return CheckResult(ok=False, detail="no keys from key-rotation yet")
        age = int((self._clock.now() - self._fetched_at).total_seconds())
        KEY_VIEW_AGE_SECONDS.set(age)
        return CheckResult(ok=self._is_fresh(), detail=f"{age} s old", required=False)

    def _write(self) -> None:
        """What is revoked stays so, though an answer from before it may arrive after."""
        keys = [key for key in self._keys if key["kid"] not in self._revoked]
        self._document = json.dumps({"keys": keys}, separators=(",", ":")).encode() if keys else None

    def _is_fresh(self) -> bool:
        """A view from the future is not fresh either: the clock went back, and nobody knows how old it is."""
        return self._fetched_at is not None and abs(self._clock.now() - self._fetched_at) <= self._valid_for

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            return


def _given(duration: Duration) -> timedelta:
    """Zero for one that older code has not sent."""
    return duration.ToTimedelta()


def _jwk(key: VerificationKey) -> dict[str, str] | None:
    """The JWK, written anew from the parsed public key so that no private member can get out; None for a bad one."""
    try:
        return public_jwk(load_public_key(json_object(key.jwk)), kid=key.kid, alg=key.alg)
    except (InvalidKey, ValueError) as error:
        _log.error("A key was left out of the key set", kid=key.kid, cause=str(error))
        return None

"""The public signing keys, cached in memory: clients can fetch them while key-rotation is unavailable."""

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
    """The key set document (RFC 7517 5), refreshed every REFRESH_SECONDS and after every key event.

    A response without a usable key does not replace the cached set, which can still verify tokens. A set that is older
    than key-rotation allows is not published: it may lack the current signing key or contain a revoked one.
    """

    def __init__(self, stub: "VerificationKeyServiceAsyncStub", *, clock: Clock) -> None:
        self._stub = stub
        self._clock = clock
        self._refresh_now = asyncio.Event()
        self._keys: list[dict[str, str]] = []
        self._revoked: set[str] = set()
        self._document: bytes | None = None
        self._fetched_at: datetime | None = None
        self._valid_for = _OLDER_CODE_VALID_FOR
        self.cacheable_for = _OLDER_CODE_CACHEABLE_FOR
        """max-age of the document."""

    @property
    def document(self) -> bytes | None:
        """The document as JSON; None before the first load and if it is too old."""
        return self._document if self._is_fresh() else None

    async def refresh(self) -> None:
        """Fetches the keys. Raises: OAuthError."""
        requested_at = self._clock.now()
        response = await self._stub.ListVerificationKeys(ListVerificationKeysRequest())
        keys = [jwk for key in response.keys if (jwk := _jwk(key)) is not None]
        if not keys:
            _log.error("signing_keys.none_usable", message="No usable signing key in the response of key-rotation")
            return
        self._keys, self._fetched_at = keys, requested_at
        self.cacheable_for = _given(response.cacheable_for) or _OLDER_CODE_CACHEABLE_FOR
        self._valid_for = _given(response.valid_for) or _OLDER_CODE_VALID_FOR
        self._write()

    async def run(self) -> None:
        """Refreshes the keys until cancelled."""
        while True:
            self._refresh_now.clear()
            try:
                await self.refresh()
            except OAuthError as error:
                _log.warning(
                    "signing_keys.refresh_failed",
                    message="Could not refresh signing keys from key-rotation",
                    reason=error.reason,
                )
            await self._wait(FIRST_LOAD_SECONDS if self.document is None else REFRESH_SECONDS)

    async def on_event(self, envelope: bytes) -> None:
        """Refreshes at once. A revoked key is removed even if key-rotation is unavailable."""
        self._refresh_now.set()
        event = Received.of(envelope)
        if event.type == _REVOKED:
            self._revoked.add(event.subject)
            self._write()

    async def check(self) -> CheckResult:
        """Returns not ready before the first load. Later, old keys are only a warning: everything else works."""
        if self._fetched_at is None:
            return CheckResult(ok=False, detail="signing keys not loaded from key-rotation yet")
        age = int((self._clock.now() - self._fetched_at).total_seconds())
        KEY_VIEW_AGE_SECONDS.set(age)
        return CheckResult(ok=self._is_fresh(), detail=f"{age} s old", required=False)

    def _write(self) -> None:
        """Leaves out revoked keys, also if a response from before the revocation arrives after it."""
        keys = [key for key in self._keys if key["kid"] not in self._revoked]
        self._document = json.dumps({"keys": keys}, separators=(",", ":")).encode() if keys else None

    def _is_fresh(self) -> bool:
        """A set with a time in the future is not fresh either: the clock was set back, so its age is unknown."""
        return self._fetched_at is not None and abs(self._clock.now() - self._fetched_at) <= self._valid_for

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._refresh_now.wait(), seconds)
        except TimeoutError:
            return


def _given(duration: Duration) -> timedelta:
    """Returns zero if an older key-rotation does not send the field."""
    return duration.ToTimedelta()


def _jwk(key: VerificationKey) -> dict[str, str] | None:
    """Returns the JWK, rebuilt from the parsed public key without private members; None if the key is invalid."""
    try:
        return public_jwk(load_public_key(json_object(key.jwk)), kid=key.kid, alg=key.alg)
    except (InvalidKey, ValueError) as error:
        _log.error(
            "signing_keys.key_invalid",
            message="Invalid signing key left out of the key set",
            kid=key.kid,
            cause=str(error),
        )
        return None

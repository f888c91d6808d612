"""The public keys, held in memory: a key-rotation service that is away takes nothing from those who verify tokens."""

import asyncio
import json
from typing import TYPE_CHECKING

from latchkey.keys.v1.keys_pb2 import ListVerificationKeysRequest, VerificationKey
from libs.crypto.errors import InvalidKey
from libs.crypto.jwk import load_public_key, public_jwk
from libs.crypto.strict import json_object
from libs.oauth.errors import OAuthError
from libs.servicekit import logs
from libs.servicekit.service import CheckResult

if TYPE_CHECKING:
    from latchkey.keys.v1.keys_pb2_grpc import VerificationKeyServiceAsyncStub

_log = logs.get(__name__)
REFRESH_SECONDS = 30.0
FIRST_LOAD_SECONDS = 1.0


class PublishedKeys:
    """The key set document (RFC 7517 5), refreshed every 30 s and whenever a fact about keys arrives.

    An answer without a usable key replaces nothing: a set that was good once verifies more than an empty one.
    """

    def __init__(self, stub: "VerificationKeyServiceAsyncStub") -> None:
        self._stub = stub
        self._news = asyncio.Event()
        self.document: bytes | None = None
        """JSON; None until the first load."""

    async def refresh(self) -> None:
        """Asks for the keys now. Raises: OAuthError."""
        answer = await self._stub.ListVerificationKeys(ListVerificationKeysRequest())
        if keys := [jwk for key in answer.keys if (jwk := _jwk(key)) is not None]:
            self.document = json.dumps({"keys": keys}, separators=(",", ":")).encode()
        else:
            _log.error("The key-rotation service lists no usable key")

    async def run(self) -> None:
        """The background task: until cancelled."""
        while True:
            self._news.clear()
            try:
                await self.refresh()
            except OAuthError as error:
                _log.warning("The keys cannot be refreshed", reason=error.reason)
            await self._wait(FIRST_LOAD_SECONDS if self.document is None else REFRESH_SECONDS)

    async def on_fact(self, _subject: str) -> None:
        """Something happened to a key: look at once."""
        self._news.set()

    async def check(self) -> CheckResult:
        """Unready until the first load: another replica may have the keys."""
        loaded = self.document is not None
        return CheckResult(ok=loaded, detail="loaded" if loaded else "no keys from key-rotation yet")

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            return


def _jwk(key: VerificationKey) -> dict[str, str] | None:
    """The JWK, written anew from the parsed public key so that no private member can get out; None for a bad one."""
    try:
        return public_jwk(load_public_key(json_object(key.jwk)), kid=key.kid, alg=key.alg)
    except (InvalidKey, ValueError) as error:
        _log.error("A key was left out of the key set", kid=key.kid, cause=str(error))
        return None

"""The public keys of the issuer, cached as long as the issuer permits. Unknown key ids cause few requests."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from latchkey_sdk.errors import TokenRefused, VerifierUnavailable
from latchkey_sdk.verifier.documents import Document, Fetch, FetchFailed, check_url
from latchkey_sdk.verifier.signature import Key, read_keys
from latchkey_sdk.verifier.strict import json_object

COOL_DOWN_SECONDS: Final = 10.0
"""Minimum time between two fetches, also for tokens with an unknown `kid`."""
DEFAULT_FRESH_SECONDS: Final = 300.0
MAX_FRESH_SECONDS: Final = 24 * 3600.0
STALE_SECONDS: Final = 3600.0
"""How long stale keys are used while the issuer is unreachable (RFC 5861 4)."""
_DISCOVERY = "/.well-known/openid-configuration"
_log = logging.getLogger("latchkey_sdk")


class Jwks:
    """Keys by `kid`.

    Args:
        issuer: its discovery document has the URL of the key set, unless `jwks_uri` is given.
        clock: monotonic seconds.
    """

    def __init__(
        self, *, issuer: str, jwks_uri: str | None, fetch: Fetch, clock: Callable[[], float], insecure_http: bool
    ) -> None:
        self._issuer = issuer
        self._given_uri = jwks_uri
        self._fetch = fetch
        self._clock = clock
        self._insecure_http = insecure_http
        self._uri = jwks_uri
        self._keys: Mapping[str, Key] = {}
        self._etag: str | None = None
        self._fresh_until = self._usable_until = self._next_fetch = -1.0
        self._pauses = _pauses()
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> Key:
        """Return the key with this `kid`. Fetches the key set if the key is unknown or the set is stale.

        Raises:
            TokenRefused: the issuer has no such key.
            VerifierUnavailable: the key set could not be fetched.
        """
        now = self._clock()
        key = self._usable(kid, now)
        if key is None or now >= self._fresh_until:
            refreshing = self._refresh(now)
            # A known key is used while the set is refreshed.
            if refreshing and key is None:
                await asyncio.shield(refreshing)
                key = self._usable(kid, self._clock())
        if key:
            return key
        if self._clock() >= self._usable_until:
            raise VerifierUnavailable("The keys of the issuer could not be fetched.")
        raise TokenRefused("The access token is malformed or not signed by the issuer.", reason="KEY_UNKNOWN")

    def look_again(self) -> None:
        """Refresh the key set, because an event reported a change."""
        self._fresh_until = self._next_fetch = -1.0
        self._refresh(self._clock())

    async def close(self) -> None:
        if self._fetching:
            self._fetching.cancel()
            await asyncio.wait({self._fetching})

    def _usable(self, kid: str, now: float) -> Key | None:
        return self._keys.get(kid) if now < self._usable_until else None

    def _refresh(self, now: float) -> asyncio.Task[None] | None:
        """Return the running fetch, or start one if COOL_DOWN_SECONDS have passed."""
        if self._fetching is None or self._fetching.done():
            if now < self._next_fetch:
                return None
            self._next_fetch = now + COOL_DOWN_SECONDS
            self._fetching = asyncio.create_task(self._fetch_keys())
        return self._fetching

    async def _fetch_keys(self) -> None:
        try:
            document = await self._fetch(await self._address(), self._etag)
            self._take(document)
        except (FetchFailed, ValueError) as error:
            self._uri, self._etag = self._given_uri, None
            self._next_fetch = self._clock() + next(self._pauses)
            _log.warning("Could not fetch the keys of %s: %s", self._issuer, error)
        else:
            self._pauses = _pauses()

    async def _address(self) -> str:
        if self._uri is None:
            found = json_object((await self._fetch(self._issuer.rstrip("/") + _DISCOVERY, None)).body)
            if found.get("issuer") != self._issuer:  # RFC 8414 3.3
                raise ValueError(f"issuer in the discovery document does not match: {found.get('issuer')!r}")
            self._uri = check_url(str(found.get("jwks_uri")), insecure_http=self._insecure_http)
        return self._uri

    def _take(self, document: Document) -> None:
        if document.status == 200:
            keys = read_keys(document.body)
            if not keys:
                raise ValueError("the key set contains no usable key")
            self._keys, self._etag = keys, document.etag
        now = self._clock()
        fresh = min(document.fresh_for(default=DEFAULT_FRESH_SECONDS), MAX_FRESH_SECONDS)
        self._fresh_until = now + max(fresh, COOL_DOWN_SECONDS)
        self._usable_until = self._fresh_until + STALE_SECONDS
        self._next_fetch = now + COOL_DOWN_SECONDS


def _pauses() -> Iterator[float]:
    """Yield the seconds before each retry."""
    yield from (1.0, 2.0, 5.0)
    while True:
        yield COOL_DOWN_SECONDS

"""Access tokens, verified where they are used: no call for each of them, and revoked ones refused at once."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from latchkey_sdk.errors import InsufficientScope, TokenRefused, VerifierUnavailable
from latchkey_sdk.verifier.access_token import SKEW_SECONDS, AccessToken, read_claims
from latchkey_sdk.verifier.bus_watch import BusWatch, connection_settings
from latchkey_sdk.verifier.documents import Fetch, check_url, fetch
from latchkey_sdk.verifier.jwks import Jwks
from latchkey_sdk.verifier.revocations import Revocations
from latchkey_sdk.verifier.signature import UnverifiedToken

WATCH_SECONDS = 0.2
_log = logging.getLogger("latchkey_sdk")


@dataclass(frozen=True)
class Status:
    """How a verifier is doing, for metrics and health."""

    bus_away_seconds: float
    """0 while revocations are heard; otherwise for how long not."""
    revocations: int
    """Entries remembered."""

    @property
    def revocations_current(self) -> bool:
        return not self.bus_away_seconds


class TokenVerifier:
    """Verifies access tokens; use it as `async with`, once per process.

        async with TokenVerifier(issuer="https://id.example", audience="https://id.example") as verifier:
            token = await verifier.verify(text, scopes=["orders:read"])

    Args:
        issuer: as in tokens (`iss`); its key set is found by discovery.
        audience: who must be among `aud`: this API.
        servers: nats:// URLs.
        creds: the NATS .creds file of a reader.
        refuse_after: how long tokens are accepted, with `revocation_checked` False, while the bus is away. None: for
            as long as it takes; a revoked token is then good until it expires.
        longest_lifetime: of an access token (LATCHKEY_ACCESS_TOKEN_SECONDS). For so long revocations are remembered and
            read back at a start, and a token that lives longer is refused.
        leeway: for clocks that differ: how long after `exp` a token is still taken.
        start_timeout: how long `async with` waits for past revocations and keys before the policy applies.
        jwks_uri: where the keys are, instead of discovery.
        insecure_http: http:// is good for other hosts than this one.
        inbox_prefix: only for users whose rights are not in their credentials.
        on_status: is called with True when revocations are heard (again), with False when not.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        servers: str | Sequence[str] = "nats://localhost:4222",
        creds: str | Path | None = None,
        refuse_after: timedelta | None = None,
        longest_lifetime: timedelta = timedelta(minutes=10),
        leeway: timedelta = timedelta(),
        start_timeout: float = 10.0,
        jwks_uri: str | None = None,
        insecure_http: bool = False,
        inbox_prefix: str | None = None,
        on_status: Callable[[bool], None] | None = None,
        get: Fetch = fetch,
        clock: Callable[[], float] = time.time,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ValueError: the issuer or `jwks_uri` is neither https nor loopback, or `leeway` is above a minute."""
        if not timedelta() <= leeway <= timedelta(seconds=SKEW_SECONDS):
            raise ValueError(f"leeway={leeway}: at most {SKEW_SECONDS} seconds")
        for url in (issuer, jwks_uri):
            if url is not None:
                check_url(url, insecure_http=insecure_http)
        self._issuer = issuer
        self._audience = audience
        self._refuse_after = refuse_after
        self._longest_lifetime = longest_lifetime.total_seconds()
        self._leeway = leeway.total_seconds()
        self._start_timeout = start_timeout
        self._on_status = on_status
        self._clock = clock
        self._jwks = Jwks(issuer=issuer, jwks_uri=jwks_uri, fetch=get, clock=now, insecure_http=insecure_http)
        self._revocations = Revocations(longest_lifetime=self._longest_lifetime, clock=clock)
        self._bus = BusWatch(
            connection_settings(servers, creds, inbox_prefix),
            self._revocations,
            replay_seconds=self._longest_lifetime + 2 * SKEW_SECONDS,
            on_keys=self._jwks.look_again,
            now=now,
            clock=clock,
        )
        self._current: bool | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def status(self) -> Status:
        return Status(bus_away_seconds=self._bus.away_seconds, revocations=len(self._revocations))

    async def __aenter__(self) -> Self:
        """What was revoked before is known, or the bus is away.

        Raises:
            AccessRefused: the NATS credentials are not accepted, or do not permit to hear of revocations.
        """
        self._tasks = [asyncio.create_task(self._bus.run()), asyncio.create_task(self._watch_status())]
        self._jwks.look_again()
        try:
            await self._hear_the_past()
        except BaseException:
            await self._close()
            raise
        self._tell()
        return self

    async def _hear_the_past(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._start_timeout):
                while self._bus.away_seconds and not self._bus.refused:  # noqa: ASYNC110 # happens elsewhere
                    await asyncio.sleep(0.01)
        if self._bus.refused:
            raise self._bus.refused

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def verify(self, token: str, *, scopes: Iterable[str] = ()) -> AccessToken:
        """The token's claims, if it is good here and now.

        Raises:
            TokenRefused: it is not (401 invalid_token).
            InsufficientScope: it is, and lacks one of the scopes (403).
            VerifierUnavailable: keys are not known, or the bus is away for longer than the policy allows (503).
        """
        unverified = UnverifiedToken.parse(token)
        key = await self._jwks.find(unverified.kid)
        verified = read_claims(
            unverified.claims(key),
            issuer=self._issuer,
            audience=self._audience,
            now=self._clock(),
            longest_lifetime=self._longest_lifetime,
            leeway=self._leeway,
        )
        if reason := self._revocations.reason_against(verified, kid=unverified.kid):
            raise TokenRefused("The access token was revoked.", reason=reason)
        away = self._bus.away_seconds
        if away:
            if self._refuse_after is not None and away >= self._refuse_after.total_seconds():
                raise VerifierUnavailable("Whether the access token was revoked cannot be told at the moment.")
            verified = replace(verified, revocation_checked=False)
        if not verified.scopes.issuperset(scopes):
            raise InsufficientScope(scopes)
        return verified

    async def _watch_status(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if self._current is not None:
                self._tell()

    def _tell(self) -> None:
        current = not self._bus.away_seconds
        if current == self._current:
            return
        first, self._current = self._current is None, current
        if not current:
            policy = "accepted" if self._refuse_after is None else f"refused after {self._refuse_after}"
            _log.warning("The bus is away: revocations are not heard, and tokens are %s", policy)
        elif not first:
            _log.warning("Revocations are heard again")
        if self._on_status:
            try:
                self._on_status(current)
            except Exception:  # noqa: BLE001 - the caller's own, and no reason to stop watching
                _log.exception("on_status failed")

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._jwks.close()

"""Verifies access tokens locally, without a request for each token, and refuses revoked tokens immediately."""

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
from latchkey_sdk.verifier.dpop import DpopRequest, ProofMemory, require_possession
from latchkey_sdk.verifier.jwks import Jwks
from latchkey_sdk.verifier.revocations import Revocations
from latchkey_sdk.verifier.signature import UnverifiedToken

WATCH_SECONDS = 0.2
_log = logging.getLogger("latchkey_sdk")


@dataclass(frozen=True)
class Status:
    """State of a verifier, for metrics and health checks."""

    bus_away_seconds: float
    """0 while revocations are received; otherwise the seconds since they were last complete."""
    revocations: int
    """Number of stored revocations."""

    @property
    def revocations_current(self) -> bool:
        return not self.bus_away_seconds


class TokenVerifier:
    """Verifies access tokens; use it as `async with`, once per process.

        async with TokenVerifier(issuer="https://id.example", audience="https://id.example") as verifier:
            token = await verifier.verify(text, scopes=["orders:read"])

    Args:
        issuer: expected `iss`; its key set is found by discovery.
        audience: identifier of this API; must be in `aud`.
        servers: nats:// URLs.
        creds: NATS .creds file of a reader.
        refuse_after: how long tokens are accepted, with `revocation_checked` False, while NATS is unavailable. None:
            without a limit; a revoked token is then accepted until it expires.
        longest_lifetime: maximum lifetime of an access token (LATCHKEY_ACCESS_TOKEN_SECONDS). Revocations are kept for
            this time and read back at the start. Tokens with a longer lifetime are refused.
        leeway: how long after `exp` a token is accepted, for clock differences.
        start_timeout: how long `async with` waits for past revocations before the policy applies.
        jwks_uri: URL of the key set, instead of discovery.
        insecure_http: permit http:// for hosts other than loopback.
        inbox_prefix: only for NATS users whose permissions are not in their credentials.
        on_status: called with True when revocations are received (again), with False when not.
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
        """Raises ValueError if a URL is neither https nor loopback, or if `leeway` is above a minute."""
        if not timedelta() <= leeway <= timedelta(seconds=SKEW_SECONDS):
            raise ValueError(f"leeway={leeway} must be from 0 to {SKEW_SECONDS} seconds")
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
        self._proofs = ProofMemory()
        self._current: bool | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def status(self) -> Status:
        return Status(bus_away_seconds=self._bus.away_seconds, revocations=len(self._revocations))

    async def __aenter__(self) -> Self:
        """Wait until past revocations are read or `start_timeout` has passed.

        Raises:
            AccessRefused: the NATS credentials were refused or do not permit reading revocation events.
        """
        self._tasks = [asyncio.create_task(self._bus.run()), asyncio.create_task(self._watch_status())]
        self._jwks.look_again()
        try:
            await self._read_past_revocations()
        except BaseException:
            await self._close()
            raise
        self._report_status()
        return self

    async def _read_past_revocations(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._start_timeout):
                while self._bus.away_seconds and not self._bus.refused:  # noqa: ASYNC110 # set by another task
                    await asyncio.sleep(0.01)
        if self._bus.refused:
            raise self._bus.refused

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def verify(self, token: str, *, scopes: Iterable[str] = (), dpop: DpopRequest | None = None) -> AccessToken:
        """Return the verified token.

        Args:
            dpop: the request, if its scheme is DPoP. Without it, a token that is bound to a key is refused.

        Raises:
            TokenRefused: the token is invalid (401 invalid_token).
            ProofRefused: the DPoP proof is missing or invalid (401 invalid_dpop_proof).
            InsufficientScope: the token is valid but lacks a scope (403).
            VerifierUnavailable: the keys are unknown, or NATS is unavailable for longer than permitted (503).
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
                raise VerifierUnavailable("The revocation status of the access token cannot be checked at the moment.")
            verified = replace(verified, revocation_checked=False)
        if not verified.scopes.issuperset(scopes):
            raise InsufficientScope(scopes)
        require_possession(token, verified.claims, dpop, self._proofs, now=self._clock())
        return verified

    async def _watch_status(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if self._current is not None:
                self._report_status()

    def _report_status(self) -> None:
        current = not self._bus.away_seconds
        if current == self._current:
            return
        first, self._current = self._current is None, current
        if not current:
            policy = "accepted" if self._refuse_after is None else f"refused after {self._refuse_after}"
            _log.warning("NATS is unavailable: revocations are not received, and tokens are %s", policy)
        elif not first:
            _log.warning("Revocations are received again")
        if self._on_status:
            try:
                self._on_status(current)
            except Exception:  # noqa: BLE001 - an error of the callback must not stop the task
                _log.exception("on_status failed")

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._jwks.close()

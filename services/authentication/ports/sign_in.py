"""Repositories of sign-in attempts and failed attempts, the password hasher and the password policy."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.authentication.domain.sign_in.sign_in_attempts import AttemptKind, SignInAttempt
from services.authentication.domain.sign_in.throttle import Failures


class FailureReader(Protocol):
    async def under(self, keys: Collection[bytes]) -> Mapping[bytes, Failures]:
        """Return the counts of these keys that exist."""


class FailureWriter(FailureReader, Protocol):
    async def count(self, keys: Collection[bytes], *, now: datetime) -> None: ...

    async def forgive(self, key: bytes) -> None: ...

    async def forget(self, *, before: datetime, limit: int) -> int:
        """Delete at most `limit` counts whose last failure was before then. Returns the number of deleted counts."""


class AttemptReader(Protocol):
    async def find(self, secret_hash: bytes) -> SignInAttempt | None: ...


class AttemptWriter(AttemptReader, Protocol):
    async def add(
        self,
        secret_hash: bytes,
        *,
        kind: AttemptKind,
        user_id: str,
        password_version: int,
        session_hash: bytes | None,
        amr: tuple[str, ...],
        expires_at: datetime,
    ) -> None: ...

    async def complete(self, secret_hash: bytes, *, now: datetime) -> bool:
        """False if the attempt is already completed or has expired."""

    async def forget(self, *, before: datetime, limit: int) -> int: ...


@dataclass(frozen=True)
class Accepted:
    """An accepted password. `looked_up`: the breached-password check was done or is disabled."""

    looked_up: bool


class PasswordPolicy(Protocol):
    async def __call__(self, password: str, *, about: Collection[str]) -> Accepted:
        """Raises InvalidRequest if the new password is not acceptable."""


class PasswordHasher(Protocol):
    """Password hashing outside of the event loop. Each call raises TemporarilyUnavailable if the queue is full."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Without a hash, return False after the same amount of work."""

    def outdated(self, password_hash: str) -> bool:
        """Return whether the hash was computed with other parameters than the current ones."""

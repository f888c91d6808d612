"""Repositories of second factors and passkeys."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from services.authentication.domain.factors.factor import Factor, TotpEnrolment, TotpFactor
from services.authentication.domain.factors.passkeys import Passkey


class FactorReader(Protocol):
    async def of(self, user_id: str) -> Sequence[Factor]:
        """Return the factors of a user, oldest first."""

    async def codes_left(self, user_id: str) -> int:
        """Recovery codes that have not been used."""


class FactorWriter(FactorReader, Protocol):
    """Callers lock the user (AccountWriter.lock) before they call any of these methods."""

    async def totp_of(self, user_id: str) -> Sequence[TotpFactor]: ...

    async def consume_step(self, factor_id: str, step: int, *, sealed_secret: bytes, now: datetime) -> bool:
        """Use a time step and store the newly encrypted secret. False if this or a later step is already used."""

    async def add(self, factor: Factor, *, user_id: str) -> None:
        """Add a factor whose data are in another table."""

    async def add_totp(self, factor: Factor, *, user_id: str, sealed_secret: bytes, step: int) -> None: ...

    async def remove(self, user_id: str, factor_id: str) -> Factor | None:
        """None when the user has no such factor."""

    async def remove_all(self, user_id: str) -> Sequence[Factor]:
        """Remove all factors and recovery codes. Returns the removed factors."""

    async def enrolment_of(self, user_id: str) -> TotpEnrolment | None: ...

    async def begin_enrolment(self, enrolment: TotpEnrolment) -> None: ...

    async def forget_enrolment(self, user_id: str) -> None: ...

    async def forget_enrolments(self, *, before: datetime, limit: int) -> int: ...

    async def replace_codes(self, user_id: str, hashes: Sequence[bytes], *, now: datetime) -> None: ...

    async def consume_code(self, user_id: str, code_hashes: Collection[bytes], *, now: datetime) -> bool:
        """Use a recovery code. False if it is not a code of the user or is already used.

        Args:
            code_hashes: the digests of one code, under each key.
        """


class PasskeyReader(Protocol):
    async def of(self, user_id: str) -> Sequence[Passkey]: ...


class PasskeyWriter(PasskeyReader, Protocol):
    async def find(self, credential_id: bytes) -> tuple[Passkey, str] | None:
        """Return a passkey and the username key of its user."""

    async def add(self, passkey: Passkey) -> bool:
        """False if the passkey is already registered; the caller must then roll back."""

    async def record_use(self, passkey: Passkey, *, sign_count: int, backed_up: bool, now: datetime) -> bool:
        """False if the passkey was used after it was read."""

    async def consume_challenge(self, challenge: bytes, *, expires_at: datetime) -> bool:
        """False if the challenge is already used."""

    async def forget_challenges(self, *, before: datetime, limit: int) -> int: ...

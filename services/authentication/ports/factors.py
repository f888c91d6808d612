"""Repositories of second factors and passkeys."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from services.authentication.domain.factors.factor import Factor, TotpEnrolment, TotpFactor
from services.authentication.domain.factors.passkeys import Passkey


class FactorReader(Protocol):
    async def of(self, user_id: str) -> Sequence[Factor]:
        """The oldest first."""

    async def codes_left(self, user_id: str) -> int:
        """Recovery codes that have not been used."""


class FactorWriter(FactorReader, Protocol):
    """The user has been locked (AccountWriter.lock) before any of these is called."""

    async def totp_of(self, user_id: str) -> Sequence[TotpFactor]: ...

    async def consume_step(self, factor_id: str, step: int, *, sealed_secret: bytes, now: datetime) -> bool:
        """False when it, or a later one, was used before. Keeps the secret as it is sealed today."""

    async def add(self, factor: Factor, *, user_id: str) -> None:
        """One whose particulars are kept elsewhere."""

    async def add_totp(self, factor: Factor, *, user_id: str, sealed_secret: bytes, step: int) -> None: ...

    async def remove(self, user_id: str, factor_id: str) -> Factor | None:
        """None when the user has no such factor."""

    async def remove_all(self, user_id: str) -> Sequence[Factor]:
        """What there was; recovery codes go as well."""

    async def enrolment_of(self, user_id: str) -> TotpEnrolment | None: ...

    async def begin_enrolment(self, enrolment: TotpEnrolment) -> None: ...

    async def forget_enrolment(self, user_id: str) -> None: ...

    async def forget_enrolments(self, *, before: datetime, limit: int) -> int: ...

    async def replace_codes(self, user_id: str, hashes: Sequence[bytes], *, now: datetime) -> None: ...

    async def consume_code(self, user_id: str, code_hashes: Collection[bytes], *, now: datetime) -> bool:
        """`code_hashes`: of one code. False when it is none of the user's, or was used before."""


class PasskeyReader(Protocol):
    async def of(self, user_id: str) -> Sequence[Passkey]: ...


class PasskeyWriter(PasskeyReader, Protocol):
    async def find(self, credential_id: bytes) -> tuple[Passkey, str] | None:
        """The passkey, and what its owner's name is found by."""

    async def add(self, passkey: Passkey) -> bool:
        """False if the passkey is already registered; the caller must then roll back."""

    async def record_use(self, passkey: Passkey, *, sign_count: int, backed_up: bool, now: datetime) -> bool:
        """False when it was used since it was read."""

    async def consume_challenge(self, challenge: bytes, *, expires_at: datetime) -> bool:
        """False when it was answered before."""

    async def forget_challenges(self, *, before: datetime, limit: int) -> int: ...

"""A passkey as it is kept."""

import hashlib
from dataclasses import dataclass, field
from uuid import UUID

from libs.crypto.passkeys import KnownPasskey
from services.authentication.domain.ids import is_id


@dataclass(frozen=True, kw_only=True)
class Passkey:
    factor_id: str
    user_id: str
    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    backup_eligible: bool
    backed_up: bool
    transports: tuple[str, ...]

    @property
    def credential(self) -> KnownPasskey:
        return KnownPasskey(
            credential_id=self.credential_id,
            public_key=self.public_key,
            sign_count=self.sign_count,
            backup_eligible=self.backup_eligible,
            transports=self.transports,
        )

    @property
    def amr(self) -> tuple[str, ...]:
        """The amr values of a sign-in with this passkey (RFC 8176 2): synced passkeys count as software keys."""
        return ("swk" if self.backup_eligible else "hwk", "user", "mfa")


def user_handle(user_id: str) -> bytes:
    """The WebAuthn user handle. It contains no personal data (Web Authentication 14.6.1)."""
    return UUID(user_id).bytes if is_id(user_id) else hashlib.sha256(user_id.encode()).digest()


def challenge_hash(challenge: bytes) -> bytes:
    """What a used challenge is known by."""
    return hashlib.sha256(challenge).digest()

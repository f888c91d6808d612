"""Delivers private keys to a token replica, encrypted to a key that the replica made for this call."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from libs.crypto.errors import InvalidKey
from libs.crypto.sealing import delivery_binding, seal_to
from libs.oauth.errors import InvalidRequest, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.key_rotation.domain.keys import SIGNING, Key
from services.key_rotation.domain.seals import KeySeals
from services.key_rotation.ports import Begin
from services.key_rotation.usecases.list_verification_keys import NOT_READY, ListVerificationKeys

DEFAULT_VERIFIABLE_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DeliveredKey:
    kid: str
    alg: str
    activates_at: datetime | None
    sealed: bytes = field(repr=False)
    """The encrypted private key. Empty if the caller has it already or if private keys are not delivered."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Signing keys and verification keys at the same moment."""

    signing: Sequence[DeliveredKey]
    verification: Sequence[Key]


@dataclass(kw_only=True)
class GetSigningKeys:
    """If `keep_private_keys`, no private key is delivered, and SigningService signs instead."""

    published: ListVerificationKeys
    begin: Begin
    seals: KeySeals
    issuer: str
    keep_private_keys: bool = False

    async def __call__(
        self,
        recipient_public_key: bytes = b"",
        *,
        verifiable_for: timedelta = DEFAULT_VERIFIABLE_FOR,
        held: Collection[str] = (),
        without_private_keys: bool = False,
    ) -> Delivery:
        """Return active and next keys.

        Args:
            held: kids of keys that the caller has. They are not decrypted, so the key-encryption key is not needed.
            without_private_keys: the caller uses SigningService.
            verifiable_for: longest lifetime of the tokens that the caller signs. It is stored before a key is
                delivered, because it determines how long the public key stays published.

        Raises:
            InvalidRequest: the recipient key is not an X25519 key.
            TemporarilyUnavailable: the database, or a needed key-encryption key, is unavailable.
        """
        keys = await self.published()
        if any(key.state in SIGNING and key.signs_for < verifiable_for for key in keys):
            async with self.begin() as work:
                await work.keys.prolong(verifiable_for)
            keys = await self.published()
        granted = [key for key in keys if key.private is not None and key.signs_for >= verifiable_for]
        leaving = () if self.keep_private_keys or without_private_keys else granted
        opened = await self._open([key for key in leaving if key.kid not in held])
        try:
            signing = [self._deliver(key, opened.get(key.kid), recipient_public_key) for key in granted]
        except InvalidKey:
            raise InvalidRequest(
                "recipient_public_key must be a 32-byte X25519 public key.", reason=Reason.RECIPIENT_KEY_INVALID
            ) from None
        return Delivery(signing=signing, verification=keys)

    async def check_seals(self) -> None:
        """Decrypt all stored private keys.

        Raises:
            SealBroken: they are encrypted under another key-encryption key.
            TemporarilyUnavailable: the database or the key-encryption key is unavailable.
        """
        await self._open(await self.published())

    async def has_keys(self) -> bool:
        """Return True if every algorithm has a key. Raises TemporarilyUnavailable if the database is unavailable."""
        try:
            return bool(await self.published())
        except TemporarilyUnavailable as error:
            if error.reason != NOT_READY:
                raise
            return False

    async def _open(self, keys: Sequence[Key]) -> dict[str, bytes]:
        sealed = [(key, key.private) for key in keys if key.private is not None]
        opened = (self.seals.open(private, kid=key.kid, alg=key.alg) for key, private in sealed)
        return dict(zip((key.kid for key, _ in sealed), await asyncio.gather(*opened), strict=True))

    def _deliver(self, key: Key, private: bytes | None, recipient: bytes) -> DeliveredKey:
        bound_to = delivery_binding(issuer=self.issuer, kid=key.kid, alg=key.alg)
        sealed = seal_to(recipient, private, bound_to=bound_to) if private is not None else b""
        return DeliveredKey(kid=key.kid, alg=key.alg, activates_at=key.activates_at, sealed=sealed)

"""Private keys for a token service's memory, sealed to a key that it made for this one answer."""

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
from services.key_rotation.ports import WorkFactory
from services.key_rotation.usecases.list_verification_keys import NOT_READY, ListVerificationKeys

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DeliveredKey:
    kid: str
    alg: str
    activates_at: datetime | None
    sealed: bytes = field(repr=False)
    """Empty for one that the caller has, or that does not leave."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Both views of the keys at one moment."""

    signing: Sequence[DeliveredKey]
    verification: Sequence[Key]


class GetSigningKeys:
    """`kept`: no private key leaves at all; key-rotation signs (SigningService)."""

    def __init__(
        self,
        *,
        published: ListVerificationKeys,
        work: WorkFactory,
        seals: KeySeals,
        issuer: str,
        kept: bool = False,
    ) -> None:
        self._kept = kept
        self._published = published
        self._work = work
        self._seals = seals
        self._issuer = issuer

    async def __call__(
        self,
        recipient_public_key: bytes = b"",
        *,
        verifiable_for: timedelta = DAY,
        held: Collection[str] = (),
        without_private_keys: bool = False,
    ) -> Delivery:
        """Active and next keys.

        Raises:
            InvalidRequest: for a recipient key that is none.
            TemporarilyUnavailable: the database is away, or the key-encryption key is and somebody needs it.

        Args:
            held: what the caller has already. These are not opened: what they are sealed under may be far away.
            without_private_keys: the caller lets us sign.
            verifiable_for: the longest life of anything that the caller signs. No key leaves for a caller before it is
                stored how long its public half has to stay after its last signature.
        """
        keys = await self._published()
        if any(key.state in SIGNING and key.signs_for < verifiable_for for key in keys):
            async with self._work() as work:
                await work.keys.prolong(verifiable_for)
            keys = await self._published()
        granted = [key for key in keys if key.private is not None and key.signs_for >= verifiable_for]
        leaving = () if self._kept or without_private_keys else granted
        opened = await self._opened([key for key in leaving if key.kid not in held])
        try:
            signing = [self._delivered(key, opened.get(key.kid), recipient_public_key) for key in granted]
        except InvalidKey:
            raise InvalidRequest(
                "The recipient key is not an X25519 key.", reason=Reason.RECIPIENT_KEY_INVALID
            ) from None
        return Delivery(signing=signing, verification=keys)

    async def check_seals(self) -> None:
        """Raises SealBroken when the key-encryption key is not the one that the stored keys were sealed under.

        Raises TemporarilyUnavailable when it cannot be asked.
        """
        await self._opened(await self._published())

    async def are_there(self) -> bool:
        """Has every algorithm a key already? Raises TemporarilyUnavailable when the database is away."""
        try:
            return bool(await self._published())
        except TemporarilyUnavailable as error:
            if error.reason != NOT_READY:
                raise
            return False

    async def _opened(self, keys: Sequence[Key]) -> dict[str, bytes]:
        sealed = [(key, key.private) for key in keys if key.private is not None]
        opened = (self._seals.open(private, kid=key.kid, alg=key.alg) for key, private in sealed)
        return dict(zip((key.kid for key, _ in sealed), await asyncio.gather(*opened), strict=True))

    def _delivered(self, key: Key, private: bytes | None, recipient: bytes) -> DeliveredKey:
        bound_to = delivery_binding(issuer=self._issuer, kid=key.kid, alg=key.alg)
        sealed = seal_to(recipient, private, bound_to=bound_to) if private is not None else b""
        return DeliveredKey(kid=key.kid, alg=key.alg, activates_at=key.activates_at, sealed=sealed)

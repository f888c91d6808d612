"""Whether something that a user shows is one of their second factors."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from libs.crypto.errors import PasskeyRefused
from libs.crypto.one_time_passwords import matching_step
from libs.crypto.passkeys import read_response
from libs.crypto.sealing import KeyEncryptionKey
from libs.servicekit.base.clock import Clock
from services.authentication.domain.factors.challenges import ChallengePurpose
from services.authentication.domain.factors.factor import FactorKind, totp_binding
from services.authentication.domain.factors.recovery_codes import code_hash
from services.authentication.domain.sessions.session import AMR_ONE_TIME
from services.authentication.ports.work import Writer
from services.authentication.usecases.factors.passkey_ceremonies import Ceremonies


@dataclass(frozen=True)
class Proof:
    """What a user shows; nothing in it has been judged."""

    kind: FactorKind
    text: str = field(repr=False)


class ProveFactor:
    """Runs inside the caller's transaction, in which the user is locked; single-use codes are consumed there."""

    def __init__(
        self, *, factor_key: KeyEncryptionKey, recovery_keys: Sequence[bytes], ceremonies: Ceremonies, clock: Clock
    ) -> None:
        self._ceremonies = ceremonies
        self._factor_key = factor_key
        self._recovery_keys = recovery_keys
        self._clock = clock

    async def __call__(self, work: Writer, user_id: str, proof: Proof, *, attempt: bytes) -> tuple[str, ...] | None:
        """What the proof adds to `amr` (RFC 8176 2); None when it is none. `attempt`: the hash of its secret."""
        match proof.kind:
            case FactorKind.TOTP:
                return AMR_ONE_TIME if await self._totp(work, user_id, proof.text) else None
            case FactorKind.RECOVERY_CODE:
                digests = [code_hash(proof.text, user_id=user_id, key=key) for key in self._recovery_keys]
                return (
                    AMR_ONE_TIME if await work.factors.consume_code(user_id, digests, now=self._clock.now()) else None
                )
            case FactorKind.PASSKEY:
                return await self._passkey(work, user_id, proof.text, attempt)

    async def _passkey(self, work: Writer, user_id: str, answer: str, attempt: bytes) -> tuple[str, ...] | None:
        try:
            response = read_response(answer)
            passkey = next(
                (each for each in await work.passkeys.of(user_id) if each.credential_id == response.credential_id), None
            )
            if passkey is None:
                return None
            await self._ceremonies.shown(
                work,
                response,
                passkey,
                purpose=ChallengePurpose.SECOND_STEP,
                bound_to=attempt.hex(),
                user_verification=False,
            )
        except PasskeyRefused:
            return None
        return passkey.amr

    async def _totp(self, work: Writer, user_id: str, code: str) -> bool:
        now = self._clock.now()
        typed = "".join(code.split())
        for factor in await work.factors.totp_of(user_id):
            bound_to = totp_binding(user_id)
            secret = self._factor_key.unwrap(factor.sealed_secret, bound_to=bound_to)
            step = matching_step(secret, typed, now=now, after=factor.last_step)
            if step is not None:
                renewed = self._factor_key.renewed(factor.sealed_secret, bound_to=bound_to)
                return await work.factors.consume_step(factor.id, step, sealed_secret=renewed, now=now)
        return False

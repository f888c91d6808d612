"""What the page for the second step of a sign-in has to say."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.crypto.hashing import secret_hash
from libs.servicekit.base.clock import Clock
from services.authentication.domain.factors.challenges import ChallengePurpose
from services.authentication.domain.factors.factor import FactorKind
from services.authentication.domain.factors.passkeys import Passkey
from services.authentication.domain.sign_in.sign_in_attempts import AttemptKind, SignInAttempt, unknown_attempt
from services.authentication.ports.work import View
from services.authentication.usecases.factors.passkey_ceremonies import Ceremonies


@dataclass(frozen=True)
class OpenAttempt:
    username: str
    is_step_up: bool
    kinds: tuple[FactorKind, ...]
    """What the user may show: each kind that they have, once."""
    passkey_options: str
    """What the browser is asked to show; empty where there is no passkey."""


class FindAttempt:
    def __init__(self, *, view: View, ceremonies: Ceremonies, clock: Clock) -> None:
        self._view = view
        self._ceremonies = ceremonies
        self._clock = clock

    async def __call__(self, attempt_secret: str, *, session_secret: str) -> OpenAttempt:
        """Raises AccessDenied: ATTEMPT_UNKNOWN."""
        session_hash = secret_hash(session_secret) if session_secret else None
        async with self._view() as view:
            attempt = await view.attempts.find(secret_hash(attempt_secret))
            if attempt is None or not attempt.is_open(session_hash=session_hash, now=self._clock.now()):
                raise unknown_attempt()
            kinds = {factor.kind for factor in await view.factors.of(attempt.user_id)}
            passkeys = await view.passkeys.of(attempt.user_id)
            if await view.factors.codes_left(attempt.user_id):
                kinds.add(FactorKind.RECOVERY_CODE)
        return OpenAttempt(
            username=attempt.username,
            is_step_up=attempt.kind is AttemptKind.STEP_UP,
            kinds=tuple(kind for kind in FactorKind if kind in kinds),
            passkey_options=self._options(attempt, passkeys),
        )

    def _options(self, attempt: SignInAttempt, passkeys: Sequence[Passkey]) -> str:
        if not passkeys:
            return ""
        return self._ceremonies.to_show(ChallengePurpose.SECOND_STEP, passkeys, bound_to=attempt.secret_hash.hex())

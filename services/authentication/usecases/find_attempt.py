"""What the page for the second step of a sign-in has to say."""

from dataclasses import dataclass

from libs.crypto.hashing import secret_hash
from libs.servicekit.clock import Clock
from services.authentication.domain.factors import FactorKind
from services.authentication.domain.sign_in_attempts import AttemptKind, SignInAttempt, unknown_attempt
from services.authentication.ports import ViewFactory


@dataclass(frozen=True)
class OpenAttempt:
    username: str
    is_step_up: bool
    kinds: tuple[FactorKind, ...]
    """What the person may show: each kind that they have, once."""


class FindAttempt:
    def __init__(self, *, view: ViewFactory, clock: Clock) -> None:
        self._view = view
        self._clock = clock

    async def __call__(self, attempt_secret: str, *, session_secret: str) -> OpenAttempt:
        """Raises AccessDenied: ATTEMPT_UNKNOWN."""
        session_hash = secret_hash(session_secret) if session_secret else None
        async with self._view() as view:
            attempt = await view.attempts.find(secret_hash(attempt_secret))
            if attempt is None or not attempt.is_open(session_hash=session_hash, now=self._clock.now()):
                raise unknown_attempt()
            kinds = {factor.kind for factor in await view.factors.of(attempt.user_id)}
            if await view.factors.codes_left(attempt.user_id):
                kinds.add(FactorKind.RECOVERY_CODE)
        return _answer(attempt, kinds)


def _answer(attempt: SignInAttempt, kinds: set[FactorKind]) -> OpenAttempt:
    ordered = tuple(kind for kind in FactorKind if kind in kinds)
    return OpenAttempt(attempt.username, attempt.kind is AttemptKind.STEP_UP, ordered)

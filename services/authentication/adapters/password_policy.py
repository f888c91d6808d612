"""The policy for new passwords, used by all use cases that set one."""

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable, Collection

from prometheus_client import Counter

from libs.fetch.fetcher import Fetcher
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs
from services.authentication.adapters.breached_passwords import BreachedInFile, BreachedInRanges, LookUpFailedError
from services.authentication.adapters.password_strength import strength_of
from services.authentication.config import PasswordSettings
from services.authentication.domain.accounts.passwords import check_password
from services.authentication.ports.sign_in import Accepted

_UNCHECKED = Counter("latchkey_password_lookups_failed_total", "New passwords that could not be looked up.")
_log = logs.get(__name__)
IsBreached = Callable[[str], Awaitable[bool]]


class PasswordPolicy:
    """A length, a strength, and not one that was stolen elsewhere; no rules of composition (NIST SP 800-63B-4 3.1.1).

    Args:
        min_score: of zxcvbn, 0 to 4; 0 accepts every strength.
        is_breached: checks a list of breached passwords; None disables the check.
        brand: what this installation is called, which is the first thing that is tried.
    """

    def __init__(self, *, min_score: int, is_breached: IsBreached | None = None, brand: str = "") -> None:
        self._min_score = min_score
        self._is_breached = is_breached
        self._brand = brand

    async def __call__(self, password: str, *, about: Collection[str]) -> Accepted:
        """Checks a new password.

        `about`: data of the user. If the breached-password check fails, the password is accepted and the
        result says so, for the event password.unchecked.

        Raises:
            InvalidRequest: PASSWORD_TOO_SHORT, PASSWORD_TOO_LONG, PASSWORD_COMMON, PASSWORD_OF_PERSON,
                PASSWORD_PATTERN, PASSWORD_TOO_WEAK, PASSWORD_BREACHED.
        """
        check_password(password)
        normal = unicodedata.normalize("NFKC", password)
        if self._min_score:
            strength = await asyncio.to_thread(strength_of, normal, about=[*about, self._brand])
            if strength.score < self._min_score:
                raise InvalidRequest("The password is too easy to guess.", reason=strength.weakness)
        return await self._look_up(normal)

    async def _look_up(self, password: str) -> Accepted:
        if self._is_breached is None:
            return Accepted(looked_up=True)
        try:
            breached = await self._is_breached(password)
        except LookUpFailedError as error:
            _UNCHECKED.inc()
            _log.warning(
                "password.breach_check_failed",
                message="The breached-password check of a new password failed",
                cause=str(error),
            )
            return Accepted(looked_up=False)
        if breached:
            raise InvalidRequest(
                "The password appears in a list of breached passwords.", reason=Reason.PASSWORD_BREACHED
            )
        return Accepted(looked_up=True)


def breached_passwords(settings: PasswordSettings, fetcher: Fetcher) -> IsBreached | None:
    """The configured breached-password check; None if none is configured."""
    if settings.breached_passwords_url:
        return BreachedInRanges(fetcher, f"{settings.breached_passwords_url}/")
    file = settings.breached_passwords_file
    return BreachedInFile(file) if file else None

"""What is said of a new password that does not hold, wherever one is chosen."""

from typing import Final

from libs.languages.speaking import mark, say
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason

_WORDS: Final = {
    Reason.PASSWORD_TOO_SHORT: mark("Use at least 8 characters."),
    Reason.PASSWORD_TOO_LONG: mark("This password is too long."),
    Reason.PASSWORD_COMMON: mark("This password is too common. Use several unusual words."),
    Reason.PASSWORD_OF_PERSON: mark(
        "This password contains information about you. Choose one that is harder to guess."
    ),
    Reason.PASSWORD_PATTERN: mark("This password follows a pattern that is easy to guess. Use several unusual words."),
    Reason.PASSWORD_TOO_WEAK: mark("This password is too easy to guess. Make it longer or use several unusual words."),
    Reason.PASSWORD_BREACHED: mark("This password appeared in a data breach. Choose a different password."),
}


def why_not(error: InvalidRequest) -> str:
    """In words. Raises the error again when it is about something else."""
    if error.reason not in _WORDS:
        raise error
    return say(_WORDS[error.reason])

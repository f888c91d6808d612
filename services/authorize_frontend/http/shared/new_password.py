"""What is said of a new password that does not hold, wherever one is chosen."""

from typing import Final

from libs.languages.speaking import mark, say
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason

_WORDS: Final = {
    Reason.PASSWORD_TOO_SHORT: mark("A password needs at least 8 characters."),
    Reason.PASSWORD_TOO_LONG: mark("That password is too long."),
    Reason.PASSWORD_COMMON: mark(
        "Many people use this password, so it is guessed first. Several unusual words are better."
    ),
    Reason.PASSWORD_OF_PERSON: mark(
        "This password is made of what is known about you. Take something that nobody connects with you."
    ),
    Reason.PASSWORD_PATTERN: mark(
        "This password follows a pattern that is easy to guess. Several unusual words are better."
    ),
    Reason.PASSWORD_TOO_WEAK: mark(
        "This password is too easy to guess. Make it longer, or take several unusual words."
    ),
    Reason.PASSWORD_BREACHED: mark(
        "This password has been stolen from some service before, so it will be tried. Please take another."
    ),
}


def why_not(error: InvalidRequest) -> str:
    """In words. Raises the error again when it is about something else."""
    if error.reason not in _WORDS:
        raise error
    return say(_WORDS[error.reason])

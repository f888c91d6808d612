"""What is said of a new password that does not hold, wherever one is chosen."""

from typing import Final

from libs.languages.speaking import mark, say
from libs.oauth.errors import InvalidRequest

_WORDS: Final = {
    "PASSWORD_TOO_SHORT": mark("A password needs at least 8 characters."),
    "PASSWORD_TOO_LONG": mark("That password is too long."),
}


def why_not(error: InvalidRequest) -> str:
    """In words. Raises the error again when it is about something else."""
    if error.reason not in _WORDS:
        raise error
    return say(_WORDS[error.reason])

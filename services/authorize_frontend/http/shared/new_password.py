"""Messages for a new password that is refused, on every page on which a user chooses one."""

from typing import Final

from libs.languages.translation import mark
from libs.oauth.reasons import Reason

PASSWORD_PROBLEMS: Final = {
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

"""How easily a password is guessed, as zxcvbn estimates it. The only importer of zxcvbn."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from zxcvbn import zxcvbn

from libs.oauth.reasons import Reason

LOOKED_AT = 72
"""Characters that are looked at: what begins well does not become weak by what follows, and the estimate takes time."""
MAX_WORDS = 30
Weakness = Literal[Reason.PASSWORD_COMMON, Reason.PASSWORD_OF_PERSON, Reason.PASSWORD_PATTERN, Reason.PASSWORD_TOO_WEAK]
_OF_USER, _COMMON = "user_inputs", "passwords"
_PATTERNS = frozenset({"spatial", "repeat", "sequence", "date"})


@dataclass(frozen=True)
class Strength:
    score: int
    """0 to 4, the score of zxcvbn: 2 means 10^6 to 10^8 attempts."""
    weakness: Weakness
    """What makes it weak, if it is."""


def strength_of(password: str, *, about: Collection[str]) -> Strength:
    """Takes up to 50 ms of CPU time. `about`: data of the user that an attacker would try first."""
    words = [word for word in dict.fromkeys(about) if word][:MAX_WORDS]
    found = zxcvbn(password[:LOOKED_AT], user_inputs=[word[:LOOKED_AT] for word in words])
    return Strength(int(found["score"]), _weakness(found["sequence"]))


def _weakness(sequence: list[dict[str, object]]) -> Weakness:
    dictionaries = {match.get("dictionary_name") for match in sequence}
    if _OF_USER in dictionaries:
        return Reason.PASSWORD_OF_PERSON
    if _COMMON in dictionaries:
        return Reason.PASSWORD_COMMON
    if _PATTERNS & {match["pattern"] for match in sequence}:
        return Reason.PASSWORD_PATTERN
    return Reason.PASSWORD_TOO_WEAK

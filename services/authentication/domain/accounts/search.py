"""Search for users by the beginnings of words in the username, the email address and the name."""

import re

from services.authentication.domain.accounts.claims import Profile
from services.authentication.domain.accounts.normalisation import fold

MAX_SEARCH_CHARACTERS = 2_000
_MAX_QUERY = 256
_MAX_WORDS = 8
_PARTS = re.compile(r"[^\W_]+")


def search_key(username: str, profile: Profile) -> str:
    """The words of a user, each after a space.

    Each text is a word as a whole, and so are the parts of an address and all parts between punctuation:
    "ann.lee@example.org" is found by "ann.l", "lee" and "example.o".
    """
    names = (profile.name, profile.given_name, profile.family_name, profile.nickname)
    texts = [username, profile.email or "", *(name or "" for name in names)]
    words: dict[str, None] = {}
    for text in map(fold, texts):
        for whole in text.split():
            words |= dict.fromkeys((whole, *whole.split("@"), *_PARTS.findall(whole)))
    return "".join(f" {word}" for word in words)[:MAX_SEARCH_CHARACTERS]


def parse_query(typed: str) -> tuple[str, ...]:
    """The normalized words of a query; further characters and words than a query may have are ignored."""
    return tuple(fold(typed[:_MAX_QUERY]).split())[:_MAX_WORDS]

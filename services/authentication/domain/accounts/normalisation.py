"""One normalization for all comparisons of usernames and email addresses."""

import unicodedata

import idna


def fold(text: str) -> str:
    """Equal for texts that differ in case or in Unicode form only."""
    folded = text
    for _ in range(2):  # folding can denormalize, and normalizing can bring characters that fold
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())
    return folded


def fold_address(text: str) -> str:
    """As `fold`; a domain after an at sign is compared in the form that an email is sent to.

    Case folding would make one of two domains: it turns the German sharp s into ss.
    """
    local, at, domain = unicodedata.normalize("NFKC", text).strip().rpartition("@")
    return f"{fold(local)}@{ascii_domain(domain) or fold(domain)}" if at else fold(text)


def ascii_domain(domain: str) -> str | None:
    """The domain in ASCII and lower case (UTS 46, non-transitional processing); None if it has no such form."""
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
    except UnicodeError:
        return None

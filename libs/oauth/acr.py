"""How somebody proved who they are, as `acr` says it (OpenID Connect Core 2)."""

from collections.abc import Iterable

PASSWORD = "urn:latchkey:acr:password"
MFA = "urn:latchkey:acr:mfa"
"""Two proofs of different kinds, or a passkey that has verified its user itself."""
SUPPORTED = (PASSWORD, MFA)
"""The weakest first: a later one satisfies those before it."""


def satisfies(present: str, wanted: str) -> bool:
    """Is a sign-in of class `present` at least one of class `wanted`? What nobody knows equals itself only."""
    if present not in SUPPORTED or wanted not in SUPPORTED:
        return present == wanted
    return SUPPORTED.index(present) >= SUPPORTED.index(wanted)


def told(present: str, wanted: Iterable[str], *, at_least: str = "") -> str:
    """What a client is told that insists on one of `wanted` (OpenID Connect Core 5.5.1.1): one of these.

    The strongest of them that the sign-in satisfies and that is no less than `at_least`; where there is none, or nobody
    insists, what the sign-in is.
    """
    known = set(wanted)
    if present in known:
        return present
    enough = [name for name in SUPPORTED if name in known and satisfies(present, name)]
    return next((name for name in reversed(enough) if not at_least or satisfies(name, at_least)), present)


def strongest(wanted: Iterable[str]) -> str:
    """The class that is enough for all of these; empty when we know none of them."""
    known = set(wanted)
    return next((name for name in reversed(SUPPORTED) if name in known), "")


def weakest(wanted: Iterable[str]) -> str:
    """The class that is enough where any of these is; empty when we know none of them."""
    known = set(wanted)
    return next((name for name in SUPPORTED if name in known), "")

"""Authentication context classes: the values of `acr` (OpenID Connect Core 2)."""

from collections.abc import Iterable

PASSWORD = "urn:latchkey:acr:password"
MFA = "urn:latchkey:acr:mfa"
"""Two factors of different kinds, or a passkey with user verification."""
SUPPORTED = (PASSWORD, MFA)
"""Weakest first: each class satisfies the classes before it."""


def satisfies(present: str, wanted: str) -> bool:
    """Return whether a sign-in of class `present` satisfies `wanted`. An unknown class satisfies itself only."""
    if present not in SUPPORTED or wanted not in SUPPORTED:
        return present == wanted
    return SUPPORTED.index(present) >= SUPPORTED.index(wanted)


def claim_value(present: str, wanted: Iterable[str], *, at_least: str = "") -> str:
    """Return the `acr` claim for a client that requires one of `wanted` (OpenID Connect Core 5.5.1.1).

    The strongest class of `wanted` that the sign-in satisfies and that is at least `at_least`; the class of the sign-in
    if there is none.
    """
    known = set(wanted)
    if present in known:
        return present
    enough = [name for name in SUPPORTED if name in known and satisfies(present, name)]
    return next((name for name in reversed(enough) if not at_least or satisfies(name, at_least)), present)


def strongest(wanted: Iterable[str]) -> str:
    """Return the strongest supported class of these; empty if none is supported."""
    known = set(wanted)
    return next((name for name in reversed(SUPPORTED) if name in known), "")


def weakest(wanted: Iterable[str]) -> str:
    """Return the weakest supported class of these; empty if none is supported."""
    known = set(wanted)
    return next((name for name in SUPPORTED if name in known), "")

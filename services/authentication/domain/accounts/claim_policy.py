"""Who may write which claim: the one place that decides it (docs/claims.md says it to users).

Clients write none. What is said here of operators holds for changes. When they create an account they may also say that
address and number have been verified, for accounts come from elsewhere.
"""

from collections.abc import Collection, Mapping
from datetime import date
from enum import IntEnum
from types import MappingProxyType

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.authentication.domain.accounts.claim_rules import parse_profile
from services.authentication.domain.accounts.claims import CLAIM_NAMES, Profile


class ClaimWriter(IntEnum):
    """Each may write what those before may."""

    USER = 1
    OPERATOR = 2
    SERVER = 3
    """Only this service writes it."""


WRITERS: Mapping[str, ClaimWriter] = MappingProxyType(
    dict.fromkeys(CLAIM_NAMES, ClaimWriter.USER)
    | {
        # Users change the address through a confirmation email only.
        "email": ClaimWriter.OPERATOR,
        "preferred_username": ClaimWriter.OPERATOR,
        "email_verified": ClaimWriter.SERVER,
        "phone_number_verified": ClaimWriter.SERVER,
        "sub": ClaimWriter.SERVER,
        "updated_at": ClaimWriter.SERVER,
    }
)
_VERIFIED = MappingProxyType({"email": "email_verified", "phone_number": "phone_number_verified"})


def writable_by(writer: ClaimWriter) -> list[str]:
    """In the order of OpenID Connect Core 5.1."""
    return [name for name, least in WRITERS.items() if writer >= least]


class RefusedClaim(InvalidRequest):
    """The value of `claim` is invalid."""

    def __init__(self, claim: str, refusal: InvalidRequest) -> None:
        super().__init__(refusal.description, reason=refusal.reason)
        self.claim = claim


def changed(
    profile: Profile, unverified_changes: Mapping[str, object], *, writer: ClaimWriter, today: date
) -> tuple[Profile, Collection[str]]:
    """The profile with these claims, None taking one away; and the names of those that are different now.

    Changing an address or a number resets its verified claim.

    Raises:
        InvalidRequest: CLAIM_UNKNOWN, CLAIM_READ_ONLY.
        RefusedClaim: a value is invalid.
    """
    old = profile.claims()
    new = dict(old)
    for name, value in unverified_changes.items():
        _check_writer(name, writer)
        if value == old.get(name):
            continue
        if value is None:
            new.pop(name, None)
        else:
            new[name] = _checked(name, value, today=today)
        if name in _VERIFIED:
            new.pop(_VERIFIED[name], None)
    result = parse_profile(new, today=today)
    resulting = result.claims()
    return result, [name for name in CLAIM_NAMES if resulting.get(name) != old.get(name)]


def _check_writer(name: str, writer: ClaimWriter) -> None:
    if name not in WRITERS:
        raise InvalidRequest("The claim is not defined on this server.", reason=Reason.CLAIM_UNKNOWN)
    if writer < WRITERS[name]:
        raise InvalidRequest(f"The claim {name} is read-only for this caller.", reason=Reason.CLAIM_READ_ONLY)


def _checked(name: str, value: object, *, today: date) -> object:
    try:
        return parse_profile({name: value}, today=today).claims()[name]
    except InvalidRequest as refusal:
        raise RefusedClaim(name, refusal) from None

"""Who may write which claim: the one place that decides it (docs/claims.md says it to users).

Clients write none. Operators may state that an address or a number is verified: they import accounts from systems that
have verified it, and support users without a mail server.
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
        "email_verified": ClaimWriter.OPERATOR,
        "phone_number_verified": ClaimWriter.OPERATOR,
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

    Changing an address or a number resets its verified claim, unless the same changes contain that claim.

    Raises:
        InvalidRequest: CLAIM_UNKNOWN, CLAIM_READ_ONLY.
        RefusedClaim: a value is invalid.
    """
    old = profile.claims()
    new = dict(old)
    for name, value in sorted(unverified_changes.items(), key=lambda change: change[0] in _VERIFIED.values()):
        _check_writer(name, writer)
        if value == new.get(name):
            continue
        if value is None:
            new.pop(name, None)
        else:
            verified = {base: new[base] for base, flag in _VERIFIED.items() if flag == name and base in new}
            new[name] = _checked(name, value, beside=verified, today=today)
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


def _checked(name: str, value: object, *, beside: Mapping[str, object], today: date) -> object:
    """`beside`: the claim that the value is about."""
    try:
        return parse_profile({**beside, name: value}, today=today).claims()[name]
    except InvalidRequest as refusal:
        raise RefusedClaim(name, refusal) from None

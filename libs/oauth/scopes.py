"""Scope values and the claims that the standard scopes request (RFC 6749 3.3, OpenID Connect Core 5.4)."""

from types import MappingProxyType

from libs.oauth.errors import InvalidScope
from libs.oauth.reasons import Reason

OPENID = "openid"
OFFLINE_ACCESS = "offline_access"
MAX_SCOPES = 64

CLAIMS_OF_SCOPE = MappingProxyType(
    {
        "profile": (
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ),
        "email": ("email", "email_verified"),
        "address": ("address",),
        "phone": ("phone_number", "phone_number_verified"),
    }
)
STANDARD_SCOPES = (OPENID, *CLAIMS_OF_SCOPE, OFFLINE_ACCESS)
_TOKEN_CHARACTERS = frozenset(chr(code) for code in range(0x21, 0x7F)) - {'"', "\\"}


def parse_scope(text: str) -> tuple[str, ...]:
    """Return the scope values in order, without duplicates.

    Raises:
        InvalidScope: a value contains characters that RFC 6749 does not permit, or there are more than 64.
    """
    values = tuple(dict.fromkeys(text.split(" "))) if text else ()
    if len(values) > MAX_SCOPES or not all(value and _TOKEN_CHARACTERS.issuperset(value) for value in values):
        raise InvalidScope(
            f"scope must be at most {MAX_SCOPES} values separated by single spaces (RFC 6749 3.3).",
            reason=Reason.SCOPE_MALFORMED,
        )
    return values


def format_scope(values: tuple[str, ...]) -> str:
    return " ".join(values)


def claims_of(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the claims that these scope values request."""
    return tuple(claim for scope in scopes for claim in CLAIMS_OF_SCOPE.get(scope, ()))

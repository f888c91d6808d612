"""Validation of the values of standard claims.

The rules are those of OpenID Connect Core 5.1 as its conformance suite applies them: a claim is absent or it is well
formed; null, blank strings and the text "null" are neither.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from urllib.parse import urlsplit

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.authentication.domain.accounts.claims import ADDRESS_MEMBERS, CLAIM_NAMES, Profile
from services.authentication.domain.accounts.email_addresses import writable

FIRST_BIRTH_YEAR = 1850
_MAX_TEXT = 255
_MAX_URL = 2048
_MAX_EMAIL = 254
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+")
# RFC 5646 in the shapes that occur (`en`, `en-US`, `zh-Hant-TW`), and the underscore that Core 5.1 asks to tolerate.
_LOCALE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")
# Names of the IANA database are made of these; which of them exist changes several times a year.
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]*(/[A-Za-z0-9_+\-]+)*")
# E.164, or RFC 3966 with an extension, as Core 5.1 shows them.
_PHONE = re.compile(r"\+?[0-9(][0-9 ().\-]{1,30}(;ext=[0-9]{1,11})?")

_Rule = Callable[[str, object], object]


def parse_profile(unverified_claims: Mapping[str, object], *, today: date) -> Profile:
    """The profile that the claims describe.

    Raises:
        InvalidRequest: CLAIM_UNKNOWN, or CLAIM_MALFORMED with the name of the claim.
    """
    if not unverified_claims.keys() <= _RULES.keys():
        known = ", ".join(CLAIM_NAMES)
        raise InvalidRequest(
            f"claims contains a claim that is not supported. Supported: {known}.", reason=Reason.CLAIM_UNKNOWN
        )
    claims = {name: _RULES[name](name, value) for name, value in unverified_claims.items()}
    if "birthdate" in claims:
        _check_birthdate(str(claims["birthdate"]), today=today)
    for verified, what in (("email_verified", "email"), ("phone_number_verified", "phone_number")):
        if what in claims:
            claims.setdefault(verified, False)
        elif verified in claims:
            raise _malformed(verified, f"requires {what}")
    return Profile.of(claims)


def _malformed(name: str, rule: str) -> InvalidRequest:
    return InvalidRequest(f"The claim {name} {rule}.", reason=Reason.CLAIM_MALFORMED)


def _text(name: str, value: object, *, limit: int = _MAX_TEXT, lines: bool = False) -> str:
    if not isinstance(value, str) or not value.strip() or value.strip().lower() == "null":
        raise _malformed(name, "must be a non-empty string")
    if len(value) > limit:
        raise _malformed(name, f"must have at most {limit} characters")
    visible = value.replace("\r\n", " ").replace("\n", " ") if lines else value
    if not visible.isprintable():
        raise _malformed(name, "must not contain control characters")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _malformed(name, "must be true or false")
    return value


def _url(name: str, value: object) -> str:
    url = _text(name, value, limit=_MAX_URL)
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in {"https", "http"} or any(character.isspace() for character in url):
        raise _malformed(name, "must be an http or https URL")
    return url


def _shaped(pattern: re.Pattern[str], shape: str, *, limit: int = _MAX_TEXT) -> _Rule:
    def rule(name: str, value: object) -> str:
        text = _text(name, value, limit=limit)
        if not pattern.fullmatch(text):
            raise _malformed(name, f"must be {shape}")
        return text

    return rule


def _address(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping) or not value:
        raise _malformed(name, "must be an object with at least one member")
    if not value.keys() <= set(ADDRESS_MEMBERS):
        raise _malformed(name, f"may only have the members {', '.join(ADDRESS_MEMBERS)}")
    return {
        member: _text(f"{name}.{member}", text, limit=_MAX_URL, lines=member in {"formatted", "street_address"})
        for member, text in value.items()
    }


def _check_birthdate(text: str, *, today: date) -> None:
    """YYYY-MM-DD, 0000-MM-DD (the year withheld) or YYYY; not before FIRST_BIRTH_YEAR and not to come."""
    year, dash, day = text.partition("-")
    try:
        # The year 0000 is a leap year; Python's calendar begins at 1.
        born = date.fromisoformat(f"{'2000' if year == '0000' and dash else year}-{day if dash else '01-01'}")
    except ValueError:
        born = date.min
    withheld = year == "0000"
    if born.year < FIRST_BIRTH_YEAR or (born > today and not withheld):
        raise _malformed("birthdate", "must be a past date in the form YYYY-MM-DD, 0000-MM-DD or YYYY")


def _email(name: str, value: object) -> str:
    """The address as an email is sent to it; an address that no email can be sent to stays as it is."""
    address = _shaped(_EMAIL, "an email address", limit=_MAX_EMAIL)(name, value)
    return writable(str(address)) or str(address)


_URL_CLAIMS = ("profile", "picture", "website")
_FLAG_CLAIMS = ("email_verified", "phone_number_verified")
_RULES: dict[str, _Rule] = (
    dict.fromkeys(CLAIM_NAMES, _text)
    | dict.fromkeys(_URL_CLAIMS, _url)
    | dict.fromkeys(_FLAG_CLAIMS, _flag)
    | {
        "email": _email,
        "birthdate": _shaped(re.compile(r"[0-9]{4}(-[0-9]{2}-[0-9]{2})?"), "YYYY-MM-DD, 0000-MM-DD or YYYY"),
        "zoneinfo": _shaped(_ZONE, "a time zone name such as Europe/Paris"),
        "locale": _shaped(_LOCALE, "a language tag such as en-US"),
        "phone_number": _shaped(_PHONE, "a phone number such as +1 425 555 1212"),
        "address": _address,
    }
)

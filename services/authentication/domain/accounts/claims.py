"""The standard claims about a user (OpenID Connect Core 5.1), typed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class PostalAddress:
    """The `address` claim (OpenID Connect Core 5.1.1)."""

    formatted: str | None = None
    street_address: str | None = None
    locality: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The standard claims of a user; None where there is no value.

    `sub` and `updated_at` are the server's own and not part of it.
    """

    name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    middle_name: str | None = None
    nickname: str | None = None
    preferred_username: str | None = None
    profile: str | None = None
    picture: str | None = None
    website: str | None = None
    email: str | None = None
    email_verified: bool | None = None
    gender: str | None = None
    birthdate: str | None = None
    zoneinfo: str | None = None
    locale: str | None = None
    phone_number: str | None = None
    phone_number_verified: bool | None = None
    address: PostalAddress | None = None

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> "Profile":
        """The profile with these claims, which have been judged before (claim_rules) or come from our own store."""
        address = claims.get("address")
        plain = {name: value for name, value in claims.items() if name != "address"}
        return cls(**plain, address=None if address is None else PostalAddress(**address))

    def claims(self) -> dict[str, object]:
        """The claims that have a value."""
        return _events_of(asdict(self))


CLAIM_NAMES = tuple(field.name for field in fields(Profile))
ADDRESS_MEMBERS = tuple(field.name for field in fields(PostalAddress))


def _events_of(members: Mapping[str, Any]) -> dict[str, object]:
    plain = {name: _events_of(value) if isinstance(value, Mapping) else value for name, value in members.items()}
    return {name: value for name, value in plain.items() if value is not None}

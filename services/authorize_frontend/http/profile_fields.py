"""The fields of the profile page: which claim each is, and what it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from libs.languages.speaking import mark
from services.authorize_frontend.http.parameters import Parameters, only

_DATE: Final = mark("YYYY-MM-DD, or without the year 0000-MM-DD")
_URL: Final = mark("An address that begins with https://")


@dataclass(frozen=True)
class Field:
    name: str
    """The claim, or a member of the address after `address.`."""
    label: str
    autocomplete: str = "off"
    kind: Literal["text", "lines", "tel", "url", "language"] = "text"
    hint: str = ""

    @property
    def claim(self) -> str:
        return self.name.partition(".")[0]

    @property
    def id(self) -> str:
        return self.name.replace(".", "-").replace("_", "-")


FIELDS: Final[Sequence[Field]] = (
    Field("name", mark("Full name"), "name"),
    Field("given_name", mark("First name"), "given-name"),
    Field("middle_name", mark("Middle name"), "additional-name"),
    Field("family_name", mark("Last name"), "family-name"),
    Field("nickname", mark("Nickname"), "nickname"),
    Field("gender", mark("Gender"), "sex"),
    Field("birthdate", mark("Birthday"), "bday", hint=_DATE),
    Field("phone_number", mark("Phone number"), "tel", "tel", mark("With the country, for example +1 425 555 1212")),
    Field("locale", mark("Language"), "language", "language"),
    Field("zoneinfo", mark("Time zone"), hint=mark("For example Europe/Berlin")),
    Field("website", mark("Website"), "url", "url", _URL),
    Field("profile", mark("Profile page"), kind="url", hint=_URL),
    Field("picture", mark("Picture"), "photo", "url", _URL),
    Field("address.street_address", mark("Street and number"), "street-address", "lines"),
    Field("address.postal_code", mark("Postal code"), "postal-code"),
    Field("address.locality", mark("Town"), "address-level2"),
    Field("address.region", mark("Region"), "address-level1"),
    Field("address.country", mark("Country"), "country-name"),
)


def shown(claims: Mapping[str, Any]) -> dict[str, str]:
    """What stands in each field."""
    address = claims.get("address") or {}
    return {
        field.name: str((address if "." in field.name else claims).get(field.name.rpartition(".")[2], ""))
        for field in FIELDS
    }


def typed(form: Parameters) -> dict[str, str]:
    """What was typed into each field, with line ends as we keep them."""
    return {field.name: only(form, field.name).replace("\r\n", "\n").strip() for field in FIELDS}


def changes(typed_values: Mapping[str, str], before: Mapping[str, Any], writable: Sequence[str]) -> dict[str, Any]:
    """Claims whose value is another than before, None for what was emptied; only those that the person may write.

    Parts of an address that the page does not show would go with a changed one: they would say what is no more.
    """
    old = shown(before)
    names = [name for name, value in typed_values.items() if value != old[name] and name.partition(".")[0] in writable]
    changed: dict[str, Any] = {name: typed_values[name] or None for name in names if "." not in name}
    if any("." in name for name in names):
        members = {name.partition(".")[2]: value for name, value in typed_values.items() if "." in name and value}
        changed["address"] = members or None
    return changed

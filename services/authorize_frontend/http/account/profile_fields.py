"""The fields of the profile page: claim, label, and conversion between claim value and text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from libs.languages.translation import mark, translate
from libs.oauth.attributes import Attribute, Attributes
from services.authorize_frontend.http.shared.attribute_labels import label
from services.authorize_frontend.http.shared.parameters import Parameters, single_value

_DATE: Final = mark("YYYY-MM-DD, or without the year 0000-MM-DD")
_URL: Final = mark("A URL that starts with https://")
_HINTS: Final = {
    "date": mark("YYYY-MM-DD"),
    "number": mark("A number"),
    "texts": mark("One per line"),
}


@dataclass(frozen=True)
class Field:
    name: str
    """The claim, or a member of the address after `address.`."""
    label: str
    autocomplete: str = "off"
    kind: Literal["text", "lines", "tel", "url", "language", "choice"] = "text"
    hint: str = ""
    attribute: Attribute | None = None

    @property
    def claim(self) -> str:
        return self.name if self.attribute else self.name.partition(".")[0]

    @property
    def id(self) -> str:
        return "".join(character if character.isalnum() else "-" for character in self.name)

    @property
    def label_text(self) -> str:
        return label(self.attribute) if self.attribute else translate(self.label)

    def text(self, claims: Mapping[str, Any]) -> str:
        """Returns the text of the field."""
        if self.attribute is None and "." in self.name:
            claims = claims.get("address") or {}
        value = claims.get(self.name if self.attribute else self.name.rpartition(".")[2], "")
        if isinstance(value, bool):
            return "true" if value else "false"
        return "\n".join(map(str, value)) if isinstance(value, list) else str(value)

    def value(self, typed: str) -> Any:
        """Returns the typed text as a claim value. Text of a wrong type is kept: authentication refuses it."""
        kind = self.attribute.type if self.attribute else "text"
        if not typed:
            return None
        if kind == "boolean":
            return {"true": True, "false": False}.get(typed, typed)
        if kind == "texts":
            return [line.strip() for line in typed.split("\n") if line.strip()]
        return _number(typed) if kind == "number" else typed


STANDARD: Final[Sequence[Field]] = (
    Field("name", mark("Full name"), "name"),
    Field("given_name", mark("First name"), "given-name"),
    Field("middle_name", mark("Middle name"), "additional-name"),
    Field("family_name", mark("Last name"), "family-name"),
    Field("nickname", mark("Nickname"), "nickname"),
    Field("gender", mark("Gender"), "sex"),
    Field("birthdate", mark("Birthday"), "bday", hint=_DATE),
    Field(
        "phone_number",
        mark("Phone number"),
        "tel",
        "tel",
        mark("With country code, for example +1 425 555 1212"),
    ),
    Field("locale", mark("Language"), "language", "language"),
    Field("zoneinfo", mark("Time zone"), hint=mark("For example, Europe/Berlin")),
    Field("website", mark("Website"), "url", "url", _URL),
    Field("profile", mark("Profile page"), kind="url", hint=_URL),
    Field("picture", mark("Picture"), "photo", "url", _URL),
    Field("address.street_address", mark("Street address"), "street-address", "lines"),
    Field("address.postal_code", mark("Postal code"), "postal-code"),
    Field("address.locality", mark("City"), "address-level2"),
    Field("address.region", mark("State or region"), "address-level1"),
    Field("address.country", mark("Country"), "country-name"),
)


def fields_of(attributes: Attributes) -> list[Field]:
    """Returns the fields of the standard claims, then those of the operator's attributes."""
    return [*STANDARD, *(_of(attribute) for attribute in attributes.by_name.values())]


def typed(fields: Sequence[Field], form: Parameters) -> dict[str, str]:
    """Returns the typed text of each field, with line ends as LF."""
    return {field.name: single_value(form, field.name).replace("\r\n", "\n").strip() for field in fields}


def changes(
    fields: Sequence[Field], typed_values: Mapping[str, str], before: Mapping[str, Any], writable: Sequence[str]
) -> dict[str, Any]:
    """Returns the changed claims that the user may change, with None for emptied ones.

    A changed address replaces the stored one, so members that the page does not show are removed with it.
    """
    different = [f for f in fields if typed_values[f.name] != f.text(before) and f.claim in writable]
    changed: dict[str, Any] = {f.name: f.value(typed_values[f.name]) for f in different if f.claim != "address"}
    if any(field.claim == "address" for field in different):
        members = {name.partition(".")[2]: text for name, text in typed_values.items() if name.startswith("address.")}
        changed["address"] = {member: text for member, text in members.items() if text} or None
    return changed


def _of(attribute: Attribute) -> Field:
    kinds: Mapping[str, Any] = {"texts": "lines", "boolean": "choice"}
    hint = _HINTS.get(attribute.type, "")
    return Field(attribute.name, "", kind=kinds.get(attribute.type, "text"), hint=hint, attribute=attribute)


def _number(typed_value: str) -> float | str:
    try:
        return float(typed_value)
    except ValueError:
        return typed_value

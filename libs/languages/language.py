"""The supported languages, and the match with requested language ranges (RFC 4647 3.4)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from libs.languages.catalog import Catalog

_CATALOGS: Final = Path(__file__).parent / "catalogs"
_MAX_RANGES: Final = 20
_MAX_HEADER: Final = 1000


@dataclass(frozen=True)
class Language:
    tag: str
    """BCP 47."""
    name: str
    """Name of the language in the language itself."""
    catalog: Catalog = field(repr=False, compare=False)
    direction: Literal["ltr", "rtl"] = "ltr"


def catalog_path(tag: str) -> Path:
    return _CATALOGS / tag / "latchkey.po"


def _translated(tag: str, name: str) -> Language:
    with catalog_path(tag).open(encoding="utf-8") as file:
        return Language(tag, name, Catalog(file))


ENGLISH: Final = Language("en", "English", Catalog())
LANGUAGES: Final = (ENGLISH, _translated("de", "Deutsch"), _translated("es", "Español"))
_BY_TAG: Final = {language.tag: language for language in LANGUAGES}


def language_of(tag: str) -> Language | None:
    """Returns the language with exactly this tag."""
    return _BY_TAG.get(tag)


def best(tags: Iterable[str]) -> Language | None:
    """Returns the first supported language. A range is reduced to its primary tag: de-AT to de (RFC 4647 3.4)."""
    for index, tag in enumerate(tags):
        if index == _MAX_RANGES:
            return None
        primary = tag.replace("_", "-").partition("-")[0].lower()
        if primary in _BY_TAG:
            return _BY_TAG[primary]
    return None


def accepted(header: str) -> Language | None:
    """Returns the language that an Accept-Language header prefers (RFC 9110 12.5.4); None if none is supported."""
    ranges = [_weighed(part) for part in header[:_MAX_HEADER].split(",")[:_MAX_RANGES]]
    ordered = sorted((each for each in ranges if each[1] > 0), key=lambda each: -each[1])
    return best(tag for tag, _ in ordered)


def _weighed(part: str) -> tuple[str, float]:
    tag, _, parameter = part.partition(";")
    name, _, weight = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return tag.strip(), 1.0
    try:
        return tag.strip(), float(weight)
    except ValueError:
        return tag.strip(), 0.0

"""The languages there are, and which of them somebody wants (RFC 4647 3.4)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from libs.languages.catalog import Catalog

_CATALOGS: Final = Path(__file__).parent / "catalogs"
_MOST_RANGES: Final = 20
_LONGEST_HEADER: Final = 1000


@dataclass(frozen=True)
class Language:
    tag: str
    """BCP 47."""
    name: str
    """What those who speak it call it."""
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
    """The language of exactly this tag."""
    return _BY_TAG.get(tag)


def best(tags: Iterable[str]) -> Language | None:
    """The first that there is, in the order given. A range too narrow is widened: de-AT to de (RFC 4647 3.4)."""
    for index, tag in enumerate(tags):
        if index == _MOST_RANGES:
            return None
        primary = tag.replace("_", "-").partition("-")[0].lower()
        if primary in _BY_TAG:
            return _BY_TAG[primary]
    return None


def accepted(header: str) -> Language | None:
    """What an Accept-Language header prefers (RFC 9110 12.5.4); None when it names nothing that there is."""
    ranges = [_weighed(part) for part in header[:_LONGEST_HEADER].split(",")[:_MOST_RANGES]]
    wanted = sorted((each for each in ranges if each[1] > 0), key=lambda each: -each[1])
    return best(tag for tag, _ in wanted)


def _weighed(part: str) -> tuple[str, float]:
    tag, _, parameter = part.partition(";")
    name, _, weight = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return tag.strip(), 1.0
    try:
        return tag.strip(), float(weight)
    except ValueError:
        return tag.strip(), 0.0

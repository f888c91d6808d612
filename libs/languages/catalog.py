"""Reads catalogs in gettext's text format. There is no compiled copy that could be out of date."""

import ast
from collections.abc import Iterable, Iterator

_CONTEXT = "\x04"
"""Separator of context and message, as in gettext."""


class Catalog:
    """Behaves as the standard library's gettext with a compiled catalog, for languages with the plural rule n != 1.

    A message without a translation stays in English.

    Raises:
        ValueError: a line is not in the format of catalogs.
    """

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._singular: dict[str, str] = {}
        self._plural: dict[str, str] = {}
        for entry in _entries(lines):
            key = (entry["msgctxt"] + _CONTEXT if "msgctxt" in entry else "") + entry["msgid"]
            self._singular[key] = entry.get("msgstr") or entry.get("msgstr[0]", "")
            self._plural[key] = entry.get("msgstr[1]", "")

    def gettext(self, message: str) -> str:
        return self._singular.get(message) or message

    def ngettext(self, one: str, many: str, n: int) -> str:
        found = self._singular if n == 1 else self._plural
        return found.get(one) or (one if n == 1 else many)

    def pgettext(self, context: str, message: str) -> str:
        return self._singular.get(context + _CONTEXT + message) or message


def _entries(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yields each entry as keyword -> text, without the header (empty msgid) and obsolete entries."""
    entry: dict[str, str] = {}
    keyword = ""
    for line in (*lines, "\n"):
        text = line.strip()
        if not text:
            if entry.get("msgid"):
                yield entry
            entry = {}
        elif text.startswith('"'):
            entry[keyword] += _string(text)
        elif not text.startswith("#"):
            keyword, _, value = text.partition(" ")
            entry[keyword] = _string(value)


def _string(text: str) -> str:
    """Parses a quoted string. The C escapes of catalogs are the same in Python."""
    value = ast.literal_eval(text)
    if not isinstance(value, str):
        raise ValueError(f"not a string of a catalog: {text}")  # noqa: TRY004 - the file is wrong, not the caller
    return value

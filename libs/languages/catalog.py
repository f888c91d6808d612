"""A catalog in gettext's text format, read as it is: there is no compiled copy that could say something else."""

import ast
from collections.abc import Iterable, Iterator

_CONTEXT = "\x04"
"""Between a context and its message, as gettext itself has it."""


class Catalog:
    """Answers as the standard library's gettext does from what msgfmt compiles, for languages with one singular and one
    plural (n != 1). A message that is missing is said in English.

    Raises:
        ValueError: a line is none of the format.
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
    """Each entry by the keywords of its lines; the header, whose msgid is empty, and obsolete ones are left out."""
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
    """The escapes of C that catalogs use are those of Python."""
    value = ast.literal_eval(text)
    if not isinstance(value, str):
        raise ValueError(f"not a string of a catalog: {text}")  # noqa: TRY004 - a fault of the file, not of the caller
    return value

"""`make words`: updates the catalogs from the texts in templates and code. With --check it only reports differences.

For developers: it needs babel, which the services do not install.
"""

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from libs.languages.language import LANGUAGES, catalog_path

_ROOT: Final = Path(__file__).resolve().parents[2]
_METHODS: Final = [("**.html", "jinja2"), ("**.txt", "jinja2"), ("**.py", "python")]
_OPTIONS: Final = {"**.html": {"trimmed": "true"}, "**.txt": {"trimmed": "true"}}
_KEYWORDS: Final = {
    **dict.fromkeys(("_", "gettext", "translate", "mark")),
    **dict.fromkeys(("ngettext", "translate_plural"), (1, 2)),
    "pgettext": ((1, "c"), 2),
}
_PLACEHOLDER: Final = re.compile(r"%\(\w+\)[sd]")
_ELEMENT: Final = re.compile(r"</?[a-z][^>]*>")


def collected() -> Catalog:
    """Returns every text that users read, with the files that contain it."""
    catalog = Catalog()
    for folder in ("services", "libs/languages"):
        found = extract_from_dir(_ROOT / folder, _METHODS, _OPTIONS, keywords=_KEYWORDS, strip_comment_tags=True)
        for file, _, message, comments, context in sorted(found, key=lambda each: each[0]):
            catalog.add(message, None, [(f"{folder}/{file}", 1)], auto_comments=comments, context=context)
    return catalog


def updated(tag: str, words: Catalog) -> Catalog:
    """Returns the stored catalog with exactly these messages; messages that still exist keep their translation."""
    path = catalog_path(tag)
    old = read_po(io.BytesIO(path.read_bytes()), locale=tag) if path.exists() else Catalog(locale=tag)
    new = Catalog(locale=tag, header_comment="", project="Latchkey")
    for message in words:
        if message.id:
            known = old.get(message.id, message.context)
            new.add(message.id, known.string if known else None, message.locations, context=message.context)
    return new


def written(catalog: Catalog) -> str:
    """Returns the text of a catalog: sorted, unwrapped, without line numbers and dates, so that diffs are small."""
    file = io.BytesIO()
    write_po(file, catalog, width=0, omit_header=True, sort_output=True, include_lineno=False, ignore_obsolete=True)
    header = f'msgid ""\nmsgstr ""\n"Language: {catalog.locale_identifier}\\n"\n'
    plural = '"Content-Type: text/plain; charset=utf-8\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
    return header + plural + file.getvalue().decode().strip() + "\n"


def faults(catalog: Catalog) -> Iterator[str]:
    """Yields messages without a translation, and translations with other placeholders or elements than the message."""
    for message in catalog:
        if not message.id:
            continue
        for original, translation in _pairs(message):
            if not translation:
                yield f"{catalog.locale_identifier}: not translated: {original}"
            elif _placeholders(original) != _placeholders(translation):
                yield f"{catalog.locale_identifier}: other placeholders or elements: {translation}"


def _pairs(message: Message) -> list[tuple[str, str]]:
    if isinstance(message.id, str):
        return [(message.id, str(message.string or ""))]
    strings = message.string or ("", "")
    return list(zip(message.id, (str(text or "") for text in strings), strict=True))


def _placeholders(text: str) -> list[str]:
    return sorted([*_PLACEHOLDER.findall(text), *_ELEMENT.findall(text)])


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    words = collected()
    problems: list[str] = []
    for language in LANGUAGES[1:]:
        path, catalog = catalog_path(language.tag), updated(language.tag, words)
        problems += faults(catalog)
        if not check:
            path.write_text(written(catalog), encoding="utf-8")
        elif path.read_text(encoding="utf-8") != written(catalog):
            problems.append(f"{language.tag}: {path.relative_to(_ROOT)} is out of date: run make words")
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

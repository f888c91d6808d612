"""Which pages there are, and whether they are what their sources say."""

import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from docs.generate import asyncapi, configuration, conformance, errors, events, rpc, sdk_event_types, security
from docs.generate.sources import DOCS, SourceError

PAGES: Mapping[str, Callable[[], str]] = {
    "asyncapi.json": asyncapi.page,
    "configuration.md": configuration.page,
    "conformance.md": conformance.page,
    "errors.md": errors.page,
    "events.md": events.page,
    "rpc.md": rpc.page,
    "security.md": security.page,
    sdk_event_types.FILE: sdk_event_types.page,
}
_COMMAND = ".venv/bin/python docs/generate"
_MAX_DIFF_LINES = 20


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 when all is well, 1 on drift or a source that does not tell enough, 2 for unknown arguments."""
    if list(arguments) not in ([], ["--check"]):
        sys.stderr.write(f"usage: {_COMMAND} [--check]\n")
        return 2
    try:
        pages = {(DOCS / name).resolve(): page() for name, page in PAGES.items()}
    except SourceError as error:
        sys.stderr.write(f"docs/generate: {error}\n")
        return 1
    return _check(pages) if arguments else _write(pages)


def _write(pages: Mapping[Path, str]) -> int:
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
    return 0


def _check(pages: Mapping[Path, str]) -> int:
    stale = {path: text for path, text in pages.items() if _present(path) != text}
    for path, text in stale.items():
        name = path.relative_to(DOCS.parent).as_posix()
        changes = difflib.unified_diff(_present(path).splitlines(), text.splitlines(), name, "its sources", "", "", 0)
        sys.stderr.writelines(f"{line.rstrip()}\n" for line in islice(changes, _MAX_DIFF_LINES))
        sys.stderr.write(f"{name} differs from its sources: run {_COMMAND}\n")
    return 1 if stale else 0


def _present(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""

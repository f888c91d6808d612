"""Where the pages are made from, and what is said when a source does not tell enough."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_HERE = Path(__file__).parent


class SourceError(Exception):
    """A page cannot be made; the message says which source lacks what."""


def data(name: str) -> dict[str, Any]:
    """A TOML file of this folder."""
    return tomllib.loads((_HERE / name).read_text(encoding="utf-8"))


def prose(name: str, **parts: str) -> str:
    """A Markdown file of this folder, with what is generated in the place of each `<!-- here: name -->`."""
    text = (_HERE / "prose" / name).read_text(encoding="utf-8")
    for part, content in parts.items():
        mark = f"<!-- here: {part} -->"
        if text.count(mark) != 1:
            raise SourceError(f"docs/generate/prose/{name} must have {mark} once")
        text = text.replace(mark, content.strip())
    return text


def prose_table(name: str, heading: str) -> dict[str, str]:
    """The first table under a heading of a Markdown file of this folder: name in the first column -> the second.

    Raises:
        SourceError: there is none.
    """
    section = (_HERE / "prose" / name).read_text(encoding="utf-8").partition(f"{heading}\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `([a-z]+)` \| (.+?) \|$", section, re.MULTILINE))
    if not rows:
        raise SourceError(f"docs/generate/prose/{name} has no table under {heading}")
    return rows


@cache
def code_of(identity: str) -> str:
    """The Python text of a service, for asking whether it does yet what the contract says of it."""
    folder = ROOT / "services" / identity.replace("-", "_")
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py")))

"""docs/decisions: numbered, listed in the index, and with paths that exist."""

import re

import pytest

from docs.generate.sources import DOCS, ROOT

PAGES = sorted((DOCS / "decisions").glob("[0-9]*.md"))
_HEADINGS = ["## Context", "## Decision", "## Consequences"]


def test_decisions_are_numbered_without_gaps():
    assert [page.name[:5] for page in PAGES] == [f"{number:04}-" for number in range(1, len(PAGES) + 1)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_decision_has_its_sections_and_a_row_in_the_index(page):
    text = page.read_text(encoding="utf-8")
    head = re.match(r"# (\d+)\. (.+)\n\nStatus: (?:accepted|replaced by .+), \d{4}-\d\d-\d\d\n", text)
    assert head is not None
    number, title = head.groups()
    assert page.name.startswith(f"{int(number):04}-")
    assert [line for line in text.splitlines() if line.startswith("## ")] == _HEADINGS
    assert f"| {number} | [{title}]({page.name}) |" in (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_decision_names_existing_files(page):
    named = re.findall(r"`((?:services|libs|deploy|docs)/[^`\s]+)`", page.read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []
